"""A deposit is an agreement: its terms are accepted before paying, and its outcome follows from the order."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.errors import InvalidInput, WrongTransition
from core.testing import Api
from messaging.models import OutboxEvent
from orders import services
from orders.models import DepositAgreement, Order, OrderHistory
from orders.public import deposit_disagreements
from orders.services import Actor
from orders.services.deposits import TERMS_VERSION
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders"])
CARD = {"method": "card", "token": "tok_success"}
DEPOSIT = CARD | {"amount": "50000.00", "terms": TERMS_VERSION}


def agreement(order):
    return DepositAgreement.objects.get(order_id=order.id)


def told():
    found = OutboxEvent.objects.using("orders").filter(type__startswith="deposit.").order_by("n")
    return list(found.values_list("type", flat=True))


def paid(**options):
    """An order whose deposit was paid."""
    order = make.order(deposit=DEPOSIT, **options)
    for _ in range(2):
        receive(answers.reserved(order))
    payment_id = make.uuid7()
    for _ in range(2):
        receive(answers.paid(order, amount="50000.00", payment_id=payment_id))
    return order, payment_id


def cancel(order, actor):
    services.move_order(order_id=order.id, status="cancelled", actor=actor, now=timezone.now(), reason="no")


def test_nobody_pays_a_deposit_by_terms_that_are_not_in_force():
    with pytest.raises(InvalidInput) as refusal:
        make.order(deposit=DEPOSIT | {"terms": "2020-01"})
    assert refusal.value.errors[0]["code"] == "terms_not_accepted"
    assert not Order.objects.exists()
    assert not DepositAgreement.objects.exists()


def test_a_deposit_is_no_more_than_the_price():
    with pytest.raises(InvalidInput):
        make.order(deposit=DEPOSIT | {"amount": "9000000.00"})
    assert not Order.objects.exists()


def test_the_terms_are_kept_as_they_were_accepted(settings):
    settings.DEPOSIT_HOLD_HOURS = 72
    now = timezone.now()
    order = make.order(deposit=DEPOSIT, now=now)
    found = agreement(order)
    assert (found.state, found.kind, found.terms_version) == ("agreed", "advance", TERMS_VERSION)
    assert (found.until, found.agreed_at, found.agreed_by) == (now + timedelta(hours=72), now, order.customer_id)
    assert found.terms_text
    assert told() == []


def test_a_paid_deposit_is_told_once():
    order, _ = paid()
    assert agreement(order).state == "paid"
    assert told() == ["deposit.paid"]
    assert OrderHistory.objects.filter(order_id=order.id, event="deposit.paid").count() == 1
    assert list(deposit_disagreements()) == []


def test_it_counts_towards_the_price_once_all_is_paid():
    order, _ = paid()
    rest = order.total_amount - 50000
    receive(answers.paid(order, amount=str(rest), by_saga=False))
    assert (Order.objects.get(pk=order.id).status, agreement(order).state) == ("paid", "kept")
    assert told() == ["deposit.paid", "deposit.kept"]
    assert list(deposit_disagreements()) == []


@pytest.mark.parametrize("who", ["client", "manager"])
def test_whoever_gives_up_all_of_it_goes_back(who):
    order, payment_id = paid()
    actor = Actor(order.customer_id if who == "client" else make.uuid7(), frozenset({who}))
    cancel(order, actor)
    assert agreement(order).state == "paid"
    request = OutboxEvent.objects.using("orders").get(type="checkout.refund_requested")
    assert request.data.get("keep_amount", "0") in ("0", "0.00")
    for _ in range(2):
        receive(answers.refunded(order, payment_id, "50000.00"))
        receive(answers.settled(order, "50000.00"))
        receive(answers.released(order))
    assert agreement(order).state == "returned"
    assert told() == ["deposit.paid", "deposit.returned"]
    assert list(deposit_disagreements()) == []


def test_a_deposit_given_back_by_hand_is_returned():
    order, payment_id = paid()
    receive(answers.given_back(order, payment_id, "50000.00"))
    assert agreement(order).state == "returned"


def test_a_deposit_that_was_never_paid_is_dropped():
    order = make.order(deposit=DEPOSIT)
    receive(answers.rejected(order))
    assert (Order.objects.get(pk=order.id).status, agreement(order).state) == ("cancelled", "dropped")
    assert told() == []


def test_an_ended_agreement_goes_nowhere():
    order, _ = paid()
    found = agreement(order)
    found.move("kept", now=timezone.now())
    for state in ("agreed", "paid", "returned", "dropped"):
        with pytest.raises(WrongTransition):
            found.move(state, now=timezone.now())


def test_the_books_name_a_deposit_that_its_order_forgot():
    order, _ = paid()
    Order.objects.filter(pk=order.pk).update(status="cancelled")
    order.checkout.__class__.objects.filter(pk=order.pk).update(finished_at=timezone.now())
    assert [item.kind for item in deposit_disagreements()] == ["deposit_unsettled"]


def test_the_terms_are_shown_before_anybody_pays():
    shown = Api().get("/orders/deposit-terms").json()
    assert (shown["version"], shown["kind"]) == (TERMS_VERSION, "advance")
    assert shown["text"]


def test_its_buyer_and_staff_see_the_agreement():
    buyer = Api("client")
    body = {"items": [{"product_id": str(make.product()), "quantity": 1}], "deposit": DEPOSIT}
    placed = buyer.post("/orders", body)
    assert placed.status_code == 201, placed.json()
    path = f"/orders/{placed.json()['id']}/deposit"
    assert buyer.get(path).json()["terms_version"] == TERMS_VERSION
    assert Api("manager").get(path).json()["amount"] == "50000.00"
    assert Api("client").get(path).status_code == 404
    assert Api().get(path).status_code == 401
    without = make.order(customer_id=buyer.user_id)
    assert buyer.get(f"/orders/{without.id}/deposit").status_code == 404


@pytest.mark.parametrize("terms", [{}, {"terms": ""}])
def test_a_deposit_without_a_word_of_terms_is_the_laws_advance(terms):
    order = make.order(deposit=CARD | {"amount": "50000.00"} | terms)
    assert (agreement(order).kind, agreement(order).terms_version) == ("advance", TERMS_VERSION)


def test_over_http_other_terms_are_refused():
    deposit = DEPOSIT | {"terms": "2020-01"}
    body = {"items": [{"product_id": str(make.product()), "quantity": 1}], "deposit": deposit}
    refused = Api("client").post("/orders", body)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "deposit.terms")
    assert not Order.objects.exists()


def refused(**options):
    """An order whose deposit the bank refused, and whose buyer wanted to keep the hold."""
    order = make.order(deposit=DEPOSIT | {"on_decline": "hold"}, **options)
    receive(answers.reserved(order))
    receive(answers.declined(order))
    return order


def test_a_refused_deposit_leaves_the_car_held_and_the_next_payment_of_it_is_the_deposit():
    order = refused()
    assert (Order.objects.get(pk=order.id).status, agreement(order).state) == ("awaiting_payment", "agreed")
    payment_id = make.uuid7()
    for _ in range(2):
        receive(answers.paid(order, amount="50000.00", payment_id=payment_id, by_saga=False))
    kept = Order.objects.get(pk=order.id)
    assert (agreement(order).state, kept.hold_kind) == ("paid", "deposit")
    part = next(part for part in kept.funding if part["leg"] == "deposit")
    assert (part["state"], part["amount"], part["payment_id"]) == ("paid", "50000.00", str(payment_id))
    assert told() == ["deposit.paid"]
    rest = order.total_amount - 50000
    receive(answers.paid(order, amount=str(rest), by_saga=False))
    assert (Order.objects.get(pk=order.id).status, agreement(order).state) == ("paid", "kept")
    assert list(deposit_disagreements()) == []


@pytest.mark.parametrize("amount", ["49999.99", "50000.01"])
def test_another_sum_after_a_refusal_is_no_deposit(amount):
    order = refused()
    receive(answers.paid(order, amount=amount, by_saga=False))
    assert agreement(order).state == "agreed"
    assert list(deposit_disagreements()) == []


def test_after_the_day_of_the_terms_nobody_is_bound_by_them():
    order = refused()
    DepositAgreement.objects.filter(order_id=order.id).update(until=timezone.now() - timedelta(seconds=1))
    receive(answers.paid(order, amount="50000.00", by_saga=False))
    assert agreement(order).state == "agreed"


def test_a_second_payment_of_the_same_sum_is_no_second_deposit():
    order, first = paid()
    receive(answers.paid(order, amount="50000.00", by_saga=False))
    part = next(part for part in Order.objects.get(pk=order.id).funding if part["leg"] == "deposit")
    assert part["payment_id"] == str(first)
    assert list(deposit_disagreements()) == []


def test_a_refusal_of_a_deposit_without_that_wish_ends_the_order_as_before():
    order = make.order(deposit=DEPOSIT)
    receive(answers.reserved(order))
    receive(answers.declined(order))
    receive(answers.settled(order))
    receive(answers.released(order))
    assert (Order.objects.get(pk=order.id).status, agreement(order).state) == ("cancelled", "dropped")
