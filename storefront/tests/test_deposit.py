"""Deposits on the shop's pages: the words before paying, the tick for them, and the agreement on the order's page."""

from decimal import Decimal

import pytest
from django.utils import timezone

import financing.tests.make
from core.ids import uuid7
from messaging.models import OutboxEvent
from messaging.testing import drain_outbox
from orders.models import DepositAgreement, Order
from orders.services.deposits import TERMS_VERSION
from orders.tests import answers
from orders.tests.answers import receive
from payments.models import Payment
from storefront.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "orders", "payments", "financing", "insurance"])
ACCEPTED = {"deposit": "50000", "deposit_terms": TERMS_VERSION}
WORDS = "This deposit is an advance payment"


def text(response):
    return response.content.decode()


def bought(visitor, **changes):
    response = visitor.buy(make.car(), **ACCEPTED | changes)
    assert response.status_code == 302, text(response)
    return response["Location"], Order.objects.get()


def paid(visitor):
    """An order whose deposit has come; its page."""
    page, order = bought(visitor)
    receive(answers.reserved(order))
    receive(answers.paid(order, amount="50000.00"))
    return page, order


def in_cart(visitor):
    visitor.post(f"/cart/add/{make.car().id}/", quantity=1)
    return "/cart/", "/cart/checkout/"


def as_deal(visitor):
    answer = visitor.post(f"/cars/{make.car().id}/deal/", trade_in="0")
    assert answer.status_code == 302, text(answer)
    return answer["Location"], f"{answer['Location']}order/"


def as_car(visitor):
    car = make.car()
    return f"/cars/{car.id}/", f"/cars/{car.id}/buy/"


@pytest.fixture(autouse=True)
def programme():
    financing.tests.make.programme()


@pytest.mark.parametrize("way", [as_car, in_cart, as_deal])
def test_wherever_goods_are_ordered_a_deposit_is_taken_by_words_that_were_read(way):
    visitor = Visitor("client")
    page, action = way(visitor)
    shown = visitor.get(page)
    assert WORDS in text(shown)
    assert f'value="{TERMS_VERSION}"' in text(shown)
    assert "checked" not in text(shown).split('name="deposit_terms"')[1].split(">")[0], "nobody accepts by default"
    names = ["key", *(["expected_total"] if way is not as_deal else [])]
    form = make.hidden_fields(shown, *names) | {"method": "card", "token": "tok_success"}
    for wrong in ({"deposit_terms": ""}, {"deposit_terms": "2020-01"}, {"deposit": "99000000"}, {"deposit": "0"}):
        refused = visitor.post(action, **form | ACCEPTED | wrong)
        assert refused.status_code == 400, wrong
        assert '<details class="stack" open>' in text(refused)
        assert not Order.objects.exists()
    assert visitor.post(action, **form | ACCEPTED).status_code == 302
    found = DepositAgreement.objects.get()
    assert (found.amount, found.terms_version, found.agreed_by) == (Decimal(50000), TERMS_VERSION, visitor.user.id)
    drain_outbox("catalog", "orders")
    asked = OutboxEvent.objects.using("orders").get(type="checkout.payment_requested")
    assert (asked.data["amount"], asked.data["order_id"]) == ("50000.00", str(found.order_id))


def test_without_a_deposit_all_is_paid_at_once_and_nothing_is_agreed():
    visitor = Visitor("client")
    assert visitor.buy(make.car(), deposit="", deposit_terms=TERMS_VERSION).status_code == 302
    assert not DepositAgreement.objects.exists()
    assert 'id="deposit"' not in text(visitor.get(f"/orders/{Order.objects.get().id}/"))


def test_the_orders_page_says_what_was_agreed_and_takes_the_rest():
    visitor = Visitor("client")
    page, order = bought(visitor)
    before = text(visitor.get(page))
    assert "50\u00a0000\u00a0₽, agreed on" in before
    assert "It has not arrived yet." in before
    receive(answers.reserved(order))
    receive(answers.paid(order, amount="50000.00"))
    after = text(visitor.get(page))
    assert "keeps the car until" in after
    assert "The deposit arrived" in after
    assert WORDS in after
    assert f"version {TERMS_VERSION}" in after
    assert "Pay 1\u00a0695\u00a0000\u00a0₽" in after
    receive(answers.paid(order, amount="1695000.00", by_saga=False))
    assert "all of it counted towards the price" in text(visitor.get(page))


def test_the_page_keeps_the_words_that_were_accepted_whatever_is_in_force_now():
    visitor = Visitor("client")
    page, order = bought(visitor)
    DepositAgreement.objects.filter(order=order).update(terms_text="The words of then.", terms_version="2020-01")
    shown = text(visitor.get(page))
    assert "The words of then." in shown
    assert "version 2020-01" in shown
    assert WORDS not in shown


def test_a_deposit_of_an_order_that_ends_went_back():
    visitor = Visitor("client")
    page, order = paid(visitor)
    visitor.post(f"{page}cancel/")
    order.refresh_from_db()
    receive(answers.refunded(order, _get_payment_id(order), "50000.00"))
    receive(answers.settled(order, "50000.00"))
    receive(answers.released(order))
    assert "all of it went back the way it was paid" in text(visitor.get(page))
    assert DepositAgreement.objects.get().ended_at <= timezone.now()


def _get_payment_id(order):
    (part,) = order.checkout.legs.get(kind="payment").request["parts"]
    return part.get("payment_id") or uuid7()


def test_a_deposit_that_never_came_is_said_so():
    visitor = Visitor("client")
    page, order = bought(visitor)
    receive(answers.rejected(order))
    assert "the order ended before it arrived" in text(visitor.get(page))


def test_the_words_are_read_and_kept_in_the_readers_language():
    visitor = Visitor("client", language="ru")
    assert "аванс (статья 487 ГК РФ)" in text(visitor.get(f"/cars/{make.car().id}/"))
    bought(visitor)
    assert "аванс (статья 487 ГК РФ)" in DepositAgreement.objects.get().terms_text


def test_a_refused_deposit_is_paid_again_from_the_orders_page():
    visitor = Visitor("client")
    page, order = bought(visitor)
    drain_outbox("catalog", "orders", "payments")
    receive(answers.declined(order))
    Payment.objects.filter(order_id=order.id).update(status="failed", failure_code="declined")
    shown = visitor.get(page)
    assert "The bank declined the card." in text(shown)
    assert "Pay only the deposit of 50\u00a0000\u00a0₽" in text(shown)
    form = make.hidden_fields(shown, "key") | {"method": "card", "token": "tok_success", "part": "deposit"}
    assert visitor.post(f"/orders/{order.id}/pay/", **form)["Location"] == page
    begun = Payment.objects.exclude(status="failed").get(order_id=order.id)
    assert (begun.amount, begun.customer_id) == (Decimal(50000), order.customer_id)
    receive(answers.paid(order, amount="50000.00", payment_id=begun.id, by_saga=False))
    after = text(visitor.get(page))
    assert "keeps the car until" in after
    assert "Pay only the deposit" not in after
