"""Manager screens of orders: they open, and steer checkouts through the service with a reason."""

import pytest
from django.utils import timezone

from accounts import services
from messaging.testing import events_of
from orders import events
from orders.models import Checkout, CheckoutLeg, LegKind, OrderHistory
from orders.tests import answers, make
from orders.tests.answers import hear
from orders.tests.test_checkout import CARD

pytestmark = pytest.mark.django_db(databases=["orders", "accounts"])


def sign_in(client, role):
    person = services.create_user(
        email=f"{role}@example.com", password="a-long-password", roles=[role], now=timezone.now()
    )
    client.force_login(person, backend="accounts.backends.EmailBackend")
    return client


@pytest.fixture
def admin(client):
    return sign_in(client, "admin")


@pytest.fixture
def manager(client):
    return sign_in(client, "manager")


def steer(client, order, action, leg="stock", reason="the buyer rang", **more):
    path = f"/admin/orders/checkout/{order.pk}/steer_{action}/"
    return client.post(path, {"leg": leg, "reason": reason, "_form_submitted": "on"}, **more)


@pytest.mark.parametrize("name", ["order", "checkout", "productcopy"])
def test_lists_open(admin, name):
    order = make.order(payment=CARD)
    assert admin.get(f"/admin/orders/{name}/").status_code == 200
    assert admin.get(f"/admin/orders/order/{order.pk}/change/").status_code == 200


def test_the_checkouts_page_offers_the_actions(admin):
    order = make.order(payment=CARD)
    page = admin.get(f"/admin/orders/checkout/{order.pk}/change/").content.decode()
    for action in ("retry", "take_over", "cancel", "skip"):
        assert f"/admin/orders/checkout/{order.pk}/steer_{action}" in page


def test_the_list_shows_what_needs_attention(admin):
    healthy, parked = make.order(), make.order(payment=CARD)
    hear(answers.reserved(parked))
    hear(answers.declined(parked))
    hear(events.UndoOverdue(order_id=parked.id))
    page = admin.get("/admin/orders/checkout/?attention=needed").content.decode()
    assert parked.number in page
    assert healthy.number not in page


def test_the_dialog_offers_only_legs_that_allow_the_action(admin):
    order = make.order(payment=CARD)
    dialog = admin.get(f"/admin/orders/checkout/{order.pk}/steer_retry/").content.decode()
    assert 'value="stock"' in dialog
    assert 'value="payment"' not in dialog


def test_asking_again_stands_in_the_timeline_with_its_reason(manager):
    order = make.order(payment=CARD)
    with events_of("orders") as more:
        answer = steer(manager, order, "retry")
    assert answer.status_code == 302
    assert more == ["checkout.stock_requested"]
    entry = OrderHistory.objects.filter(order_id=order.pk).order_by("id").last()
    assert (entry.event, entry.reason, entry.actor_role) == ("stock.retried", "the buyer rang", "manager")
    answer = steer(manager, order, "take_over", headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == f"/admin/orders/checkout/{order.pk}/change/"
    assert Checkout.objects.get(pk=order.pk).owner_id is not None


@pytest.mark.parametrize(
    ("action", "change"), [("retry", {"reason": ""}), ("retry", {"leg": "payment"}), ("skip", {"leg": "stock"})]
)
def test_a_refusal_changes_nothing(manager, action, change):
    order = make.order(payment=CARD)
    before = list(OrderHistory.objects.values()), list(CheckoutLeg.objects.values()), list(Checkout.objects.values())
    with events_of("orders") as more:
        assert steer(manager, order, action, **change).status_code == 200
    after = list(OrderHistory.objects.values()), list(CheckoutLeg.objects.values()), list(Checkout.objects.values())
    assert (more, after) == ([], before)


def test_those_who_may_not_see_checkouts_may_not_steer_them(client):
    order = make.order()
    assert steer(client, order, "retry").status_code in (302, 403)
    assert steer(sign_in(client, "client"), order, "retry").status_code in (302, 403)
    assert CheckoutLeg.objects.get(checkout_id=order.pk, kind="stock").attempts == 1


def test_lists_show_money_and_steps_as_people_say_them(manager):
    order = make.order(payment=CARD)
    headers = {"Accept-Language": "en"}
    orders = manager.get("/admin/orders/order/", headers=headers).content.decode()
    amount = f"{order.total_amount:,.2f}".replace(",", "\u00a0")
    assert f"{amount}\u00a0₽" in orders
    checkouts = manager.get("/admin/orders/checkout/", headers=headers).content.decode()
    assert order.number in checkouts
    assert str(LegKind.STOCK.label) in checkouts
    assert "/board/" in checkouts
