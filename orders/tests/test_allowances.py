"""Money given back by hand: a part is an allowance, all of it ends the order, and nothing unpaid is handed over."""

from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.utils import timezone

from core.db import transaction
from core.ids import uuid7
from core.testing import Api
from messaging.models import OutboxEvent
from messaging.testing import capture_events
from orders.errors import MoneyMissing, RefundPending
from orders.models import Order, OrderHistory
from orders.queries.reading import read_any
from orders.services import ProductLine
from orders.tests import answers, make
from orders.tests.answers import receive
from orders.tests.test_timeline import moved

pytestmark = pytest.mark.django_db(databases=["orders"])
PRICE = "800000.00"


def paid_order(*amounts, status="paid", **wishes):
    """An order paid in these amounts, and their payments."""
    order = make.order(lines=[ProductLine(make.product(price=PRICE), 1)], **wishes)
    payments = [uuid7() for _ in amounts]
    receive(answers.reserved(order))
    for payment_id, amount in zip(payments, amounts, strict=True):
        receive(answers.paid(order, amount=amount, payment_id=payment_id, by_saga=False))
    for step in ("in_progress", "ready", "completed"):
        if status in (step, *AFTER[step]):
            moved(step)(order, timezone.now())
    return seen(order), payments


AFTER = {"in_progress": ("ready", "completed"), "ready": ("completed",), "completed": ()}


def seen(order):
    return Order.objects.get(pk=order.pk)


def test_a_part_given_back_is_an_allowance_and_nothing_is_due():
    order, (payment,) = paid_order(PRICE)
    with capture_events("orders") as published:
        receive(answers.given_back(order, payment, "50000.00"))
    shown = read_any(order.id)
    now = seen(order)
    assert (now.status, now.amount_paid, shown.amount_due) == ("paid", Decimal("750000.00"), 0)
    assert (published, now.allowance_amount) == (["order.updated"], Decimal("50000.00"))
    told = OutboxEvent.objects.using("orders").filter(type="order.updated").latest("n").data
    assert told["amount_payable"] == "750000.00", "payments must not take it again"
    (granted,) = Api("client", user_id=order.customer_id).get(f"/orders/{order.id}").json()["allowances"]
    assert (granted["amount"], granted["reason"], granted["payment_id"]) == ("50000.00", "scratches", str(payment))
    assert sum(Decimal(part["amount"]) for part in now.funding) == now.total_amount
    assert OrderHistory.objects.filter(order=order, event="order.allowance_granted", reason="scratches").exists()
    moved("in_progress")(order, timezone.now())


@pytest.mark.parametrize("status", ["paid", "in_progress", "ready"])
def test_all_of_it_given_back_ends_the_order_and_frees_the_car(status):
    order, payments = paid_order("500000.00", "300000.00", status=status)
    receive(answers.given_back(order, payments[0], "500000.00"))
    assert (seen(order).status, seen(order).allowance_amount) == (status, Decimal("500000.00"))
    with capture_events("orders") as published:
        receive(answers.given_back(order, payments[1], "300000.00"))
        receive(answers.settled(order, PRICE))
    assert "checkout.stock_release_requested" in published
    receive(answers.released(order))
    assert (seen(order).status, seen(order).amount_due, seen(order).checkout.state) == ("refunded", 0, "compensated")


def test_what_the_buyers_bank_took_back_is_still_owed_and_stops_the_handover():
    order, (payment,) = paid_order(PRICE)
    receive(answers.given_back(order, payment, "50000.00", cause="dispute"))
    assert (seen(order).amount_due, seen(order).allowances) == (Decimal("50000.00"), [])
    with pytest.raises(MoneyMissing) as refusal:
        moved("in_progress")(order, timezone.now())
    assert (refusal.value.extra["amount_due"], seen(order).status) == ("50000.00", "paid")


def test_an_allowance_whose_money_came_back_to_us_is_none():
    order, (payment,) = paid_order(PRICE)
    refund = uuid7()
    receive(answers.given_back(order, payment, "50000.00", refund_id=refund))
    back = answers.refund_came_back(order, payment, "50000.00")
    receive(type(back)(**{name: getattr(back, name) for name in back.__struct_fields__} | {"refund_id": refund}))
    assert (seen(order).allowances, seen(order).amount_paid) == ([], Decimal(PRICE))
    assert (seen(order).allowance_amount, seen(order).amount_due) == (0, 0)


def test_a_refund_under_way_stops_the_handover_until_it_has_ended():
    order, (payment,) = paid_order(PRICE, status="ready")
    receive(answers.refund_pending(order, payment, PRICE))
    api = Api("manager")
    answer = api.put(f"/orders/{order.id}/status", {"status": "completed"})
    assert (answer.status_code, answer.json()["code"], answer.json()["refund_pending"]) == (
        409,
        "refund_pending",
        PRICE,
    )
    with pytest.raises(RefundPending):
        moved("completed")(order, timezone.now())
    receive(answers.refund_pending(order, payment, "0.00"))
    moved("completed")(order, timezone.now())
    assert seen(order).status == "completed"


def test_a_refund_that_crossed_the_handover_is_named_and_a_manager_is_called():
    order, (payment,) = paid_order(PRICE, status="completed")
    with capture_events("orders") as published:
        receive(answers.given_back(order, payment, PRICE))
    assert (seen(order).status, seen(order).amount_due) == ("completed", 0)
    assert (seen(order).allowance_amount, "checkout.attention_needed" in published) == (Decimal(PRICE), True)


def test_a_refund_before_all_was_paid_is_simply_owed_again():
    order = make.order(lines=[ProductLine(make.product(price=PRICE), 1)])
    payment = uuid7()
    receive(answers.reserved(order))
    receive(answers.paid(order, amount="500000.00", payment_id=payment, by_saga=False))
    receive(answers.given_back(order, payment, "500000.00"))
    assert (seen(order).status, seen(order).amount_due, seen(order).allowances) == (
        "awaiting_payment", Decimal(PRICE), [],
    )  # fmt: skip


@pytest.mark.parametrize("status", ["in_progress", "ready", "completed"])
def test_the_database_refuses_to_hand_over_what_is_not_paid(status):
    order, _ = paid_order(PRICE)
    with pytest.raises(IntegrityError, match="not paid in full"), transaction("orders"):
        Order.objects.filter(pk=order.pk).update(status=status, amount_paid=0)
    assert seen(order).status == "paid"
