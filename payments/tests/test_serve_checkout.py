from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from messaging.models import ExternalCall, OutboxEvent
from messaging.testing import capture_events, drain_outbox, published
from payments import handlers, services
from payments.commands import GiveBackPremium
from payments.models import OrderAccount, OrderCopy, Payment, Payout, Refund, RefundStatus, Status
from payments.public import ledger_disagreements
from payments.services import ChargeReport
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["payments"])


def last(name):
    return OutboxEvent.objects.using("payments").filter(type=name).order_by("n").last().data


def test_a_requested_payment_is_taken_once_per_attempt(sandbox):
    order = make.order()
    event = make.payment_requested(order)
    handlers.serve_checkout(event)
    handlers.serve_checkout(event)
    drain_outbox("payments")
    payment = Payment.objects.get()
    assert (payment.status, payment.attempt_id) == (Status.COMPLETED, event.attempt_id)
    assert published("payments") == ["payment.created", "payment.completed"]
    assert last("payment.completed")["attempt_id"] == str(event.attempt_id)
    assert len(sandbox.rows(payment)) == 1
    with capture_events("payments") as more:
        handlers.serve_checkout(event)
        drain_outbox("payments")
    assert more == ["payment.completed"]  # asked again, answered again: the first answer may have been discarded
    assert len(sandbox.rows(payment)) == 1


def test_an_order_not_heard_of_yet_is_taken_at_the_checkouts_word():
    order = make.Order(uuid7(), uuid7(), make.TOTAL)
    handlers.serve_checkout(make.payment_requested(order))
    drain_outbox("payments")
    assert Payment.objects.get().status == Status.COMPLETED
    assert [item.kind for item in ledger_disagreements()] == ["payment_without_order"]
    handlers.copy_orders([make.created(order)])
    assert ledger_disagreements() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token": "4111111111111111"}, "card_number_refused"),
        ({"payment_method_id": uuid7()}, "unknown_payment_method"),
        ({"amount": Decimal(2_000_000)}, "overpayment"),
        ({"currency": "USD"}, "currency_mismatch"),
    ],
)
def test_a_request_that_cannot_be_served_is_answered_with_a_failure(changes, code):
    order = make.order()
    event = make.payment_requested(order, **changes)
    handlers.serve_checkout(event)
    handlers.serve_checkout(event)
    assert published("payments") == ["payment.created", "payment.failed", "payment.failed"]
    assert Payment.objects.count() == 1
    answer = last("payment.failed")
    assert (answer["code"], answer["attempt_id"]) == (code, str(event.attempt_id))
    assert not ExternalCall.objects.using("payments").exists()


def test_a_paid_order_is_refunded_and_then_settled():
    order = make.order()
    handlers.serve_checkout(make.payment_requested(order))
    drain_outbox("payments")
    event = make.refund_requested(order)
    with capture_events("payments") as more:
        handlers.serve_checkout(event)
        handlers.serve_checkout(event)
        assert published("payments")[-1] == "payment.completed"
        drain_outbox("payments")
        handlers.serve_checkout(event)
        drain_outbox("payments")
    assert more == ["payment.refunded", "payment.order_settled", "payment.order_settled"]
    settled = last("payment.order_settled")
    assert (settled["attempt_id"], Decimal(settled["refunded"])) == (str(event.attempt_id), order.total)
    assert Payment.objects.get().status == Status.REFUNDED
    assert ledger_disagreements() == []


def test_an_order_that_holds_nothing_is_settled_at_once():
    order = make.order()
    make.payment(order, token="tok_declined")
    drain_outbox("payments")
    with capture_events("payments") as more:
        handlers.serve_checkout(make.refund_requested(order))
    assert more == ["payment.order_settled"]
    assert Decimal(last("payment.order_settled")["refunded"]) == 0


def test_an_order_payments_never_heard_of_is_settled_too():
    order = make.Order(uuid7(), uuid7(), make.TOTAL)
    handlers.serve_checkout(make.refund_requested(order))
    assert published("payments") == ["payment.order_settled"]


def test_a_payment_that_succeeds_after_the_refund_was_asked_goes_back(sandbox):
    order = make.order()
    handlers.serve_checkout(make.payment_requested(order, token="tok_timeout"))
    drain_outbox("payments")
    assert Payment.objects.get().status == Status.UNKNOWN
    handlers.serve_checkout(make.refund_requested(order))
    assert "payment.order_settled" not in published("payments")
    make.drain()
    assert published("payments") == [
        "payment.created", "payment.completed", "payment.refunded", "payment.order_settled",
    ]  # fmt: skip
    assert sorted(row["kind"] for row in sandbox.rows(Payment.objects.get())) == ["charge", "refund"]
    assert ledger_disagreements() == []


def test_a_payment_waiting_for_the_buyer_is_called_off(sandbox):
    order = make.order()
    handlers.serve_checkout(make.payment_requested(order, token="tok_3ds"))
    drain_outbox("payments")
    handlers.serve_checkout(make.refund_requested(order))
    make.drain()
    payment = Payment.objects.get()
    assert payment.status == Status.CANCELLED
    assert published("payments") == ["payment.created", "payment.failed", "payment.order_settled"]
    assert sandbox.store.confirm(payment.provider_ref, is_confirmed=True)["status"] == "cancelled"


def test_a_request_that_comes_after_the_refund_takes_nothing(sandbox):
    order = make.order()
    event = make.payment_requested(order)
    handlers.serve_checkout(make.refund_requested(order, event.attempt_id))
    handlers.serve_checkout(event)
    make.drain()
    payment = Payment.objects.get()
    assert (payment.status, payment.failure_code) == (Status.CANCELLED, "cancelled")
    assert published("payments") == ["payment.order_settled", "payment.created", "payment.failed"]
    assert last("payment.failed")["code"] == "cancelled"
    assert sandbox.rows(payment) == []


def test_a_cancelled_order_takes_nothing_and_gives_back_what_it_took():
    order = make.order()
    payment = make.paid(order)
    handlers.serve_checkout(make.closed(order))
    drain_outbox("payments")
    assert make.again(payment).status == Status.REFUNDED
    handlers.serve_checkout(make.payment_requested(order))
    assert last("payment.failed")["code"] == "cancelled"
    assert "payment.order_settled" not in published("payments")
    handlers.serve_checkout(make.refund_requested(order))
    assert published("payments")[-1] == "payment.order_settled"


def test_what_insurers_have_earned_stays_whatever_is_asked_again():
    order = make.order(total="1000.00")
    payments = [make.paid(order, amount=Decimal(part)) for part in (100, 900)]
    handlers.serve_checkout(make.closed(order, refund_follows=True))
    drain_outbox("payments")
    assert [make.again(payment).status for payment in payments] == [Status.COMPLETED] * 2
    handlers.serve_checkout(make.payment_requested(order, amount=Decimal(1)))
    assert last("payment.failed")["code"] == "cancelled"
    event = make.refund_requested(order, keep="163.29")
    for asked in (event, event, make.closed(order)):
        handlers.serve_checkout(asked)
        drain_outbox("payments")
    assert sum(make.again(payment).refunded_amount for payment in payments) == Decimal("836.71")
    assert (make.again(payments[0]).refunded_amount, published("payments").count("payment.refunded")) == (0, 1)
    assert published("payments")[-1] == "payment.order_settled"
    assert Decimal(last("payment.order_settled")["refunded"]) == Decimal("836.71")
    assert ledger_disagreements() == []


def test_a_premium_of_an_order_that_gives_all_back_does_not_go_back_twice():
    order = make.order(total="1000.00")
    payment = make.paid(order)
    handlers.serve_checkout(make.refund_requested(order, keep="700.00"))
    drain_outbox("payments")
    back = GiveBackPremium(
        request_id=uuid7(), policy_id=uuid7(), customer_id=order.customer_id, amount=Decimal(200), currency="RUB",
        reason="sold", order_id=order.id,
    )  # fmt: skip
    for _ in range(2):
        handlers.serve_policy(back)
        drain_outbox("payments")
    assert make.again(payment).refunded_amount == 300
    assert not Payout.objects.exists()
    answer = last("payment.payout_settled")
    assert (answer["request_id"], answer["is_paid"]) == (str(back.request_id), True)


def test_cash_of_a_cancelled_order_is_called_off_or_waits_to_be_handed_back():
    order = make.order()
    make.paid(order, method="cash", amount=Decimal(300_000))
    make.payment(order, method="cash", amount=Decimal(100_000))
    handlers.serve_checkout(make.refund_requested(order))
    assert published("payments")[-1] == "payment.failed"
    refund = Refund.objects.get()
    assert (refund.status, refund.requested_by) == (RefundStatus.REQUESTED, None)
    with capture_events("payments") as more:
        services.approve_refund(refund_id=refund.id, actor_id=uuid7(), now=timezone.now())
    assert more == ["payment.refunded", "payment.order_settled"]


def test_a_refund_the_bank_refuses_keeps_the_order_waiting_until_it_is_retried():
    order = make.order()
    make.paid(order, token="tok_refund_fails")
    handlers.serve_checkout(make.refund_requested(order))
    drain_outbox("payments")
    assert "payment.order_settled" not in published("payments")
    services.retry_refund(refund_id=Refund.objects.get().id, now=timezone.now())
    drain_outbox("payments")
    assert published("payments")[-2:] == ["payment.refunded", "payment.order_settled"]


def test_a_dead_payment_that_comes_through_after_all_is_returned_if_the_order_is_paid():
    order = make.order()
    first = make.payment(order, token="tok_declined")
    drain_outbox("payments")
    make.paid(order)
    services.apply_report(payment_id=first.id, report=ChargeReport(Status.COMPLETED), now=timezone.now())
    refund = Refund.objects.get()
    assert (refund.payment_id, refund.amount, refund.status) == (first.id, order.total, RefundStatus.SUBMITTED)


def test_old_news_of_an_order_is_dropped():
    order = make.order()
    handlers.copy_orders([make.created(order, version=3, total=Decimal(5)), make.moved(order, "cancelled")])
    handlers.copy_orders([make.created(order, version=2, total=Decimal(7))])
    copy = OrderCopy.objects.get()
    assert (copy.total_amount, copy.status, copy.version) == (Decimal(5), "cancelled", 3)
    assert not OrderAccount.objects.exists()
