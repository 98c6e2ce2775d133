"""A loan that the buyer found by themselves joins the checkout of an order that waits for its money."""

from decimal import Decimal

import pytest

from core.ids import uuid7
from financing.events import ApplicationAccepted
from messaging.testing import capture_events
from orders.models import CheckoutLeg, Order, SagaState
from orders.tests import answers, make

pytestmark = pytest.mark.django_db(databases=["orders"])
LOAN = "600000.00"


@pytest.fixture
def order():
    """An order of a million, its stock held, waiting for the buyer."""
    made = make.order()
    answers.receive(answers.reserved(made))
    return fresh(made)


def fresh(order):
    return Order.objects.select_related("checkout").get(pk=order.pk)


def accepted(order, amount=LOAN, application_id=None):
    one = application_id or uuid7()
    return ApplicationAccepted(
        application_id=one,
        order_id=order.id,
        customer_id=order.customer_id,
        amount=Decimal(amount),
        currency="RUB",
        attempt_id=one,
    )


def legs(order):
    return dict(CheckoutLeg.objects.filter(checkout_id=order.id).values_list("kind", "state"))


def test_it_pays_its_part_and_is_paid_out_last(order):
    event = accepted(order)
    with capture_events("orders") as told:
        answers.receive(event)
        answers.receive(event)
    assert told.count("order.updated") == 1
    order = fresh(order)
    assert (order.loan_amount, order.financing_application_id) == (Decimal(LOAN), event.application_id)
    assert (order.status, order.checkout.state) == ("awaiting_payment", SagaState.WAITING)
    assert legs(order) == {
        "stock": "succeeded", "loan": "succeeded", "payment": "running", "disbursement": "pending",
    }  # fmt: skip
    assert [(part["kind"], part["amount"]) for part in order.funding] == [("loan", LOAN), ("balance", "400000.00")]
    with capture_events("orders") as told:
        answers.receive(answers.paid(order, amount="400000.00", by_saga=False))
    assert "checkout.disbursement_requested" in told
    assert answers.attempt(order, "loan") == event.application_id
    answers.receive(answers.disbursed(order, LOAN))
    order = fresh(order)
    assert (order.status, order.amount_paid) == ("paid", Decimal("1000000.00"))


def test_a_loan_of_the_whole_price_needs_no_payment(order):
    with capture_events("orders") as told:
        answers.receive(accepted(order, "1000000.00"))
    assert "checkout.disbursement_requested" in told
    assert legs(order)["payment"] == "succeeded"


def test_before_the_stock_is_held_it_waits_for_it():
    order = make.order()
    answers.receive(accepted(order, "1000000.00"))
    assert legs(order)["disbursement"] == "pending"
    answers.receive(answers.reserved(order))
    assert legs(order)["disbursement"] == "running"


def gives_back(order, event):
    before = legs(order)
    with capture_events("orders") as told:
        answers.receive(event)
    assert told[:1] == ["checkout.loan_withdrawal_requested"]
    assert legs(order) == before
    assert fresh(order).loan_amount == 0


def test_more_than_is_left_to_pay_is_given_back(order):
    gives_back(order, accepted(order, "1000000.01"))
    answers.receive(answers.paid(order, amount="500000.00", by_saga=False))
    gives_back(order, accepted(order, LOAN))


def test_a_second_loan_is_given_back(order):
    first = accepted(order)
    answers.receive(first)
    with capture_events("orders") as told:
        answers.receive(accepted(order, "100000.00"))
    assert told == ["checkout.loan_withdrawal_requested"]
    assert answers.attempt(order, "loan") == first.application_id


def test_a_payment_that_is_being_taken_comes_first():
    order = make.order(payment={"method": "card", "token": "tok_success"})
    answers.receive(answers.reserved(order))
    gives_back(order, accepted(order))


def test_an_order_that_is_over_gives_it_back(order):
    answers.receive(answers.paid(order, by_saga=False))
    assert fresh(order).status == "paid"
    gives_back(order, accepted(order))


def test_undoing_the_order_withdraws_it(order):
    event = accepted(order)
    answers.receive(event)
    with capture_events("orders") as told:
        answers.receive(answers.released(order, "expired"))
        answers.receive(answers.settled(order))
    assert "checkout.loan_withdrawal_requested" in told
    answers.receive(answers.loan_withdrawn(order))
    order = fresh(order)
    assert (order.status, order.loan_amount) == ("cancelled", 0)
