"""Hear the answers of the checkout saga, and decide what each means to it.

It is an ordinary subscriber whose lane is the order, so answers and deadlines arrive one at a time. Every answer
repeats the attempt of the leg that asked; an answer to another attempt changes nothing.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from catalog.events import StockRejected, StockReleased, StockReserved
from core.db import transaction
from core.events import Event
from core.money import ZERO
from financing.events import (
    ApplicationAccepted,
    ApplicationApproved,
    ApplicationRejected,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    LoanDisbursed,
)
from gateway.approvals import let
from insurance.events import PoliciesDeclined, PoliciesIssued, PoliciesRevoked
from orders import events
from orders.approvals import CHECKOUT
from orders.models import LegKind, LegState, OrderPayment, PaymentState, SagaState, Status
from orders.models.checkout import EARNED
from orders.models.holds import HoldKind
from orders.services.allowances import drop_allowance, settle_refund
from orders.services.editing import publish_updated, settle_payment, take_back_change
from orders.services.excess import return_excess
from orders.services.funding import FAILED, PAID, agree_to_more, parts_of, requested_loan, set_part
from orders.services.history import SYSTEM_ACTOR, record_status, record_step
from orders.services.holds import OFFER, look_at_hold, note_application, rehold, watch_hold
from orders.services.own_loan import take_own_loan
from orders.services.requests import due_from_buyer
from orders.services.saga import Saga, timed_out
from payments.events import (
    OrderSettled,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundPending,
)


def react(*, event: Event, now: datetime) -> None:
    """Apply one answer or deadline to the saga of its order. An event about an unknown order changes nothing."""
    with transaction("orders"):
        saga = Saga.load(event.order_id, now)  # type: ignore[attr-defined]
        if saga is None:
            return
        let(CHECKOUT)
        _REACTIONS[type(event)](saga, event)
        return_excess(saga, "overpaid")
        saga.save()


def _stock_reserved(saga: Saga, event: StockReserved) -> None:
    if not saga.is_running(LegKind.STOCK, event.attempt_id):
        return
    if saga.order.status == Status.CREATED:
        previous = saga.order.move(Status.AWAITING_PAYMENT, roles=SYSTEM_ACTOR.roles, now=saga.now)
        record_status(saga, previous, actor=SYSTEM_ACTOR, reason="", now=saga.now)
    if saga.legs[LegKind.STOCK].request:
        saga.legs[LegKind.STOCK].request = {}
        publish_updated(saga)
    saga.succeed(LegKind.STOCK)
    settle_payment(saga)
    rehold(saga)
    watch_hold(saga)


def _stock_rejected(saga: Saga, event: StockRejected) -> None:
    if saga.is_running(LegKind.STOCK, event.attempt_id):
        shortfalls = [
            {"product_id": str(item.product_id), "requested": item.requested, "available": item.available}
            for item in event.shortfalls
        ]
        if saga.legs[LegKind.STOCK].request.get("revert"):
            take_back_change(saga, code=event.code, detail=event.detail, shortfalls=shortfalls)
        else:
            saga.fail(LegKind.STOCK, event.code, event.detail, shortfalls=shortfalls)


def _stock_released(saga: Saga, event: StockReleased) -> None:
    leg = saga.legs[LegKind.STOCK]
    if event.reason == "expired" and leg.attempt_id == event.attempt_id and leg.state == LegState.SUCCEEDED:
        if saga.order.status == Status.AWAITING_PAYMENT:
            leg.state = LegState.FAILED
            saga.fail(LegKind.STOCK, "reservation_expired", "The reservation expired before the payment arrived.")
        return
    saga.undone(LegKind.STOCK, event.attempt_id)


def _loan_submitted(saga: Saga, event: ApplicationSubmitted) -> None:
    """The buyer applied by themselves: their car waits for the bank's word."""
    if _is_own(event):
        note_application(saga, event.application_id, HoldKind.CREDIT)


def _is_own(event: ApplicationSubmitted | ApplicationApproved | ApplicationRejected | ApplicationWithdrawn) -> bool:
    return event.attempt_id == event.application_id


def _loan_approved(saga: Saga, event: ApplicationApproved) -> None:
    if _is_own(event):
        note_application(saga, event.application_id, OFFER)
    if not saga.is_running(LegKind.LOAN, event.attempt_id):
        return
    saga.order.financing_application_id = event.application_id
    if event.is_accepted:
        _loan_agreed(saga, event.amount)
    else:
        saga.wait()
        record_step(saga, "loan.offered", now=saga.now, data={"amount": str(event.amount)})


def _loan_accepted(saga: Saga, event: ApplicationAccepted) -> None:
    """The buyer accepted the loan as it is, and with it the part that is left to them."""
    if saga.is_running(LegKind.LOAN, event.attempt_id):
        saga.order.financing_application_id = event.application_id
        agree_to_more(saga, max(ZERO, requested_loan(saga.legs[LegKind.LOAN]) - event.amount))
        _loan_agreed(saga, event.amount)
    elif event.attempt_id == event.application_id:
        note_application(saga, event.application_id, None)
        take_own_loan(saga, event)


def _loan_agreed(saga: Saga, amount: Decimal) -> None:
    saga.order.loan_amount = min(amount, saga.order.payable)
    saga.order.touch(saga.now)
    saga.succeed(LegKind.LOAN, amount=str(amount))


def _loan_rejected(saga: Saga, event: ApplicationRejected) -> None:
    if _is_own(event):
        note_application(saga, event.application_id, None)
    if saga.is_running(LegKind.LOAN, event.attempt_id):
        saga.fail(LegKind.LOAN, "loan_rejected", event.detail, reasons=event.reasons)


def _loan_withdrawn(saga: Saga, event: ApplicationWithdrawn) -> None:
    if _is_own(event):
        note_application(saga, event.application_id, None)
    if saga.is_running(LegKind.LOAN, event.attempt_id):
        saga.fail(LegKind.LOAN, "loan_withdrawn", event.reason)
    else:
        saga.undone(LegKind.LOAN, event.attempt_id)


def _loan_disbursed(saga: Saga, event: LoanDisbursed) -> None:
    loan = saga.legs.get(LegKind.LOAN)
    if loan is None or loan.attempt_id != event.attempt_id or not saga.is_asked(LegKind.DISBURSEMENT):
        return
    leg = saga.legs[LegKind.DISBURSEMENT]
    leg.request = {"amount": str(event.amount)}
    saga.order.amount_paid += event.amount
    saga.order.loan_amount = Decimal(0)
    saga.order.touch(saga.now)
    saga.succeed(LegKind.DISBURSEMENT, amount=str(event.amount))


def _payment_created(saga: Saga, event: PaymentCreated) -> None:
    OrderPayment.objects.get_or_create(
        payment_id=event.payment_id,
        defaults={
            "order_id": saga.order.id,
            "state": PaymentState.IN_FLIGHT,
            "amount": event.amount,
            "method": event.method,
        },
    )


def _payment_completed(saga: Saga, event: PaymentCompleted) -> None:
    payment, _ = OrderPayment.objects.update_or_create(
        payment_id=event.payment_id,
        defaults={"order_id": saga.order.id, "state": PaymentState.TAKEN, "amount": event.amount},
    )
    _recount(saga)
    is_planned = _settle_part(saga, event.attempt_id, PAID, payment.payment_id)
    record_step(saga, "payment.completed", now=saga.now, data={"amount": str(payment.amount)})
    if not saga.is_asked(LegKind.PAYMENT):
        return
    if due_from_buyer(saga.order) <= 0:
        saga.succeed(LegKind.PAYMENT)
    elif is_planned:
        saga.go_on_paying()
    else:
        saga.wait()


def _settle_part(saga: Saga, attempt_id: UUID | None, state: str, payment_id: UUID) -> bool:
    """Note what became of a planned payment; False when the payment is none of those."""
    parts = parts_of(saga.legs[LegKind.PAYMENT])
    part = next((one for one in parts if attempt_id and one.get("attempt_id") == str(attempt_id)), None)
    if part is None:
        return False
    set_part(saga, part, state=state, payment_id=str(payment_id))
    return True


def _payment_failed(saga: Saga, event: PaymentFailed) -> None:
    OrderPayment.objects.update_or_create(
        payment_id=event.payment_id,
        defaults={"order_id": saga.order.id, "state": PaymentState.FAILED, "amount": event.amount},
    )
    if saga.is_running(LegKind.PAYMENT, event.attempt_id):
        _settle_part(saga, event.attempt_id, FAILED, event.payment_id)
        saga.fail(LegKind.PAYMENT, event.code, event.detail)
    else:
        record_step(saga, "payment.failed", now=saga.now, reason=event.detail, data={"code": event.code})


def _payment_refunded(saga: Saga, event: PaymentRefunded) -> None:
    OrderPayment.objects.filter(payment_id=event.payment_id).update(
        refunded=event.refunded_total, refund_pending=event.refund_pending
    )
    _recount(saga)
    record_step(saga, "payment.refunded", now=saga.now, data={"amount": str(event.amount)})
    settle_refund(saga, event)


def _refund_pending(saga: Saga, event: PaymentRefundPending) -> None:
    OrderPayment.objects.filter(payment_id=event.payment_id).update(refund_pending=event.refund_pending)


def _refund_came_back(saga: Saga, event: PaymentRefundFailed) -> None:
    """The buyer's bank sent the money back to us: it is held for the order again until a manager returns it."""
    OrderPayment.objects.filter(payment_id=event.payment_id).update(refunded=event.refunded_total)
    _recount(saga)
    data = {"amount": str(event.amount), "code": event.code}
    drop_allowance(saga, str(event.refund_id))
    record_step(saga, "payment.refund_failed", now=saga.now, reason=event.detail, data=data)


def _recount(saga: Saga) -> None:
    taken = OrderPayment.objects.filter(order_id=saga.order.id, state=PaymentState.TAKEN)
    loan = saga.legs.get(LegKind.DISBURSEMENT)
    lent = Decimal(loan.request.get("amount", 0)) if loan and loan.state == LegState.SUCCEEDED else Decimal(0)
    saga.order.amount_paid = sum((item.amount - item.refunded for item in taken), lent)
    saga.order.touch(saga.now)


def _order_settled(saga: Saga, event: OrderSettled) -> None:
    saga.undone(LegKind.PAYMENT, event.attempt_id)


def _policies_issued(saga: Saga, event: PoliciesIssued) -> None:
    if saga.is_running(LegKind.POLICIES, event.attempt_id):
        saga.order.policy_ids = [policy.policy_id for policy in event.policies]
        saga.succeed(LegKind.POLICIES)


def _policies_declined(saga: Saga, event: PoliciesDeclined) -> None:
    if saga.is_running(LegKind.POLICIES, event.attempt_id):
        saga.fail(LegKind.POLICIES, event.code, event.detail)


def _policies_revoked(saga: Saga, event: PoliciesRevoked) -> None:
    leg = saga.legs.get(LegKind.POLICIES)
    if leg is not None and leg.attempt_id == event.attempt_id:
        leg.request = leg.request | {EARNED: str(event.earned)}
    saga.undone(LegKind.POLICIES, event.attempt_id)


def _reservation_lapsed(saga: Saga, event: events.ReservationLapsed) -> None:
    """Look at a hold whose timer rang: announce its end, or undo the order when it is over."""
    if saga.order.status != Status.AWAITING_PAYMENT or saga.checkout.is_undoing:
        return
    if event.attempt_id != saga.legs[LegKind.STOCK].attempt_id or not look_at_hold(saga):
        return
    leg = saga.active
    if leg is not None and leg.deadline_at is not None and leg.deadline_at <= saga.now:
        _leg_timed_out(saga, events.LegTimedOut(order_id=saga.order.id, attempt_id=leg.attempt_id, leg=leg.kind))
    if saga.checkout.is_undoing or saga.checkout.state == SagaState.PARKED:
        return
    saga.checkout.failure = {
        "code": "expired", "step": saga.checkout.step, "detail": "The time to pay is over.",
        "hold": saga.order.hold_kind,
    }  # fmt: skip
    saga.compensate()


def _leg_timed_out(saga: Saga, event: events.LegTimedOut) -> None:
    """A leg that is not answered fails, but for the payout: everything else is in place by then, so it is parked."""
    if not saga.is_running(event.leg, event.attempt_id) or saga.checkout.state != SagaState.RUNNING:
        return
    if event.leg == LegKind.DISBURSEMENT:
        saga.park(timed_out(event.leg), "There was no answer in time.")
    else:
        saga.fail(event.leg, timed_out(event.leg), "There was no answer in time.")


def _undo_overdue(saga: Saga, event: events.UndoOverdue) -> None:
    """Undoing is never given up; after a day somebody has to look why it does not end."""
    if saga.checkout.is_undoing:
        saga.park("undo_overdue", "What was done could not be undone within a day.")


_REACTIONS: dict[type[Event], Callable[[Saga, Any], None]] = {
    StockReserved: _stock_reserved,
    StockRejected: _stock_rejected,
    StockReleased: _stock_released,
    ApplicationSubmitted: _loan_submitted,
    ApplicationApproved: _loan_approved,
    ApplicationAccepted: _loan_accepted,
    ApplicationRejected: _loan_rejected,
    ApplicationWithdrawn: _loan_withdrawn,
    LoanDisbursed: _loan_disbursed,
    PaymentCreated: _payment_created,
    PaymentCompleted: _payment_completed,
    PaymentFailed: _payment_failed,
    PaymentRefunded: _payment_refunded,
    PaymentRefundFailed: _refund_came_back,
    PaymentRefundPending: _refund_pending,
    OrderSettled: _order_settled,
    PoliciesIssued: _policies_issued,
    PoliciesDeclined: _policies_declined,
    PoliciesRevoked: _policies_revoked,
    events.ReservationLapsed: _reservation_lapsed,
    events.LegTimedOut: _leg_timed_out,
    events.UndoOverdue: _undo_overdue,
}

REACTS_TO: tuple[type[Event], ...] = tuple(_REACTIONS)
