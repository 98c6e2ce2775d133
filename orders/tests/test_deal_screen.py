"""The page that makes an order or an offer for a client: what it shows first, what it then makes, and for whom not."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone

import catalog.tests.make as stock
from clients.tests import make as cards
from core.clock import dealer_day
from core.ids import uuid7
from gateway.models import GivenAway
from messaging.testing import capture_events
from orders.models import Order, OrderDiscount, SalesOffer
from orders.tests import make
from orders.tests.test_admin import sign_in

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "clients", "orders"])


@pytest.fixture
def manager(client):
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    client = sign_in(client, "manager")
    client.session_user = UUID(client.session["_auth_user_id"])
    return client


@pytest.fixture
def buyer():
    return cards.client(name="Anna Petrova", type="person", phone="+79991234567")


def send(manager, buyer, do, *products, **said):
    form = {"do": do, "product": [str(one) for one in products], "key": str(uuid7()), **said}
    answer = manager.post(f"/admin/orders/order/for/{buyer.pk}/", form)
    return answer, answer.content.decode().replace("\u00a0", " ")


def test_the_card_leads_to_the_page_and_the_page_names_the_client(manager, buyer):
    path = f"/admin/orders/order/for/{buyer.pk}/"
    assert path in manager.get(f"/admin/clients/client/{buyer.pk}/change/").content.decode()
    assert "Anna Petrova" in manager.get(path).content.decode()
    assert manager.get(f"/admin/orders/order/for/{uuid7()}/").status_code == 404


def test_goods_are_found_by_name_picked_and_taken_off(manager, buyer):
    car = stock.product(name="Haval Jolion")
    shown = send(manager, buyer, "find", q="jolion")[1]
    assert f'value="add:{car.pk}"' in shown
    copy = make.product()
    assert f'value="drop:{copy}"' in send(manager, buyer, f"add:{copy}")[1]
    assert f'value="drop:{copy}"' in send(manager, buyer, "find", copy, q="nothing such")[1]
    assert f'value="drop:{copy}"' not in send(manager, buyer, f"drop:{copy}", copy)[1]


def test_an_order_is_shown_first_and_placed_on_the_second_word(manager, buyer):
    car = make.product(price="1000000.00")
    with capture_events("orders") as told:
        shown = send(manager, buyer, "see_order", car, **{f"price-{car}": "990 000"}, reason="a regular")[1]
    assert "discount: 10 000.00 ₽" in shown
    assert "total: 990 000.00 ₽" in shown
    assert (told, Order.objects.count(), GivenAway.objects.using("orders").count()) == ([], 0, 0)
    terms = {f"price-{car}": "990 000", "reason": "a regular", "method": "cash", "total": "990000.00"}
    answer = send(manager, buyer, "make_order", car, **terms)[0]
    order = Order.objects.get()
    assert answer["Location"] == f"/admin/orders/order/{order.pk}/change/"
    assert (order.customer_id, order.total_amount) == (buyer.pk, Decimal("990000.00"))
    assert (order.manager_id, order.created_by) == (manager.session_user, manager.session_user)
    assert OrderDiscount.objects.get().reason == "a regular"


def test_the_same_click_twice_makes_one_order(manager, buyer):
    car, key = make.product(available=5), str(uuid7())
    first = send(manager, buyer, "make_order", car, key=key)[0]
    second = send(manager, buyer, "make_order", car, key=key)[0]
    assert (first["Location"], Order.objects.count()) == (second["Location"], 1)


def test_what_goes_to_an_account_is_kept_under_the_account(manager):
    card = cards.user_client()
    send(manager, card, "make_order", make.product())
    assert Order.objects.get().customer_id == card.user_id


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"price": "2 000 000"}, "an agreed price is not above it"),
        ({"price": "much"}, "Write an amount"),
        ({"quantity": "0"}, "greater than or equal to 1"),
        ({"quantity": "7"}, "stock"),
        ({"coupon": "NOSUCH"}, "coupon"),
        ({"price": "1000"}, "a second person has to agree with you"),
        ({"method": "barter"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(manager, buyer, said, word):
    car = make.product()
    named = {f"{name}-{car}" if name in ("price", "quantity") else name: value for name, value in said.items()}
    for step in ("see_order", "make_order"):
        answer, shown = send(manager, buyer, step, car, **named, **({"reason": "x"} if "price" in said else {}))
        assert answer.status_code == 400
        assert word in shown
    assert not Order.objects.exists()


def test_a_total_that_nobody_saw_is_refused(manager, buyer):
    answer, _shown = send(manager, buyer, "make_order", make.product(), total="5.00")
    assert (answer.status_code, Order.objects.count()) == (400, 0)
    assert "Pick goods first." in send(manager, buyer, "see_order")[1]


def test_an_offer_is_drafted_and_says_when_a_second_person_has_to_agree(manager, buyer):
    car = make.product(price="1000000.00")
    until = dealer_day(timezone.now()) + timedelta(days=10)
    said = {f"price-{car}": "500 000", "reason": "the last one", "valid_until": until.isoformat(), "comment": "Yours"}
    with capture_events("orders") as told:
        shown = send(manager, buyer, "see_offer", car, **said)[1]
    assert "a second person has to agree first" in shown
    assert (told, SalesOffer.objects.count()) == ([], 0)
    small = send(manager, buyer, "see_offer", car, **said | {f"price-{car}": "999 000"})[1]
    assert "a second person" not in small
    answer = send(manager, buyer, "make_offer", car, **said)[0]
    offer = SalesOffer.objects.get()
    assert answer["Location"] == f"/admin/orders/salesoffer/{offer.pk}/change/"
    assert (offer.state, offer.customer_id, offer.buyer_name) == ("draft", buyer.pk, "Anna Petrova")
    assert (offer.total_amount, offer.valid_until, offer.comment) == (Decimal("500000.00"), until, "Yours")


def test_nobody_makes_a_deal_for_themselves_at_their_own_price(manager):
    card = cards.user_client(manager.session_user)
    car = make.product()
    answer = send(manager, card, "make_order", car, **{f"price-{car}": "999 000"}, reason="mine")[0]
    assert (answer.status_code, Order.objects.count()) == (400, 0)


def test_clients_and_strangers_make_nothing(client, buyer):
    car = make.product()
    assert send(client, buyer, "make_order", car)[0]["Location"].startswith("/admin/login/")
    assert send(sign_in(client, "client"), buyer, "make_order", car)[0]["Location"].startswith("/admin/login/")
    assert not Order.objects.exists()
