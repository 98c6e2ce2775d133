"""The checkout saga: stock, loan, payment, policies, payout, one after another; undone in reverse when one fails.

It is an ordinary subscriber whose lane is the order, so answers and deadlines arrive one at a time. Every request
carries the attempt of its leg, every answer repeats it; an answer to another attempt changes nothing.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from catalog.events import StockRejected, StockReleased, StockReserved
from core import failpoints
from core.db import transaction
from core.events import Event
from financing.events import (
    ApplicationAccepted,
    ApplicationApproved,
    ApplicationRejected,
    ApplicationWithdrawn,
    LoanDisbursed,
)
from insurance.events import PoliciesDeclined, PoliciesIssued, PoliciesRevoked
from messaging.outbox import publish
from messaging.timers import set_timer
from orders import events
from orders.models import (
    Checkout,
    CheckoutLeg,
    LegKind,
    LegState,
    Order,
    OrderLine,
    OrderPayment,
    PaymentState,
    SagaState,
    Status,
)
from orders.services.history import SYSTEM_ACTOR, record_status, record_step
from payments.events import OrderSettled, PaymentCompleted, PaymentCreated, PaymentFailed, PaymentRefunded

HANDLER = "orders.checkout"
PAYMENT_DEADLINE = timedelta(minutes=15)
LOAN_DEADLINE = timedelta(hours=72)
POLICIES_DEADLINE = timedelta(minutes=10)
EXPIRY_GRACE = timedelta(minutes=5)
DEADLINES = {LegKind.PAYMENT: PAYMENT_DEADLINE, LegKind.LOAN: LOAN_DEADLINE, LegKind.POLICIES: POLICIES_DEADLINE}
"""Stock has none: while the catalogue is away orders are still taken, and their stock is decided when it is back."""


class Saga:
    """An order under lock, with its checkout and legs."""

    def __init__(
        self,
        order: Order,
        checkout: Checkout,
        legs: Sequence[CheckoutLeg],
        now: datetime,
        lines: Sequence[OrderLine] | None = None,
    ) -> None:
        self.order, self.checkout, self.now, self._lines = order, checkout, now, lines
        self.legs = {leg.kind: leg for leg in legs}
        self.moved: dict[str, CheckoutLeg] = {}

    @classmethod
    def load(cls, order_id: UUID, now: datetime) -> "Saga | None":
        """Lock the order; None when there is no such order here."""
        order = Order.objects.select_for_update().filter(pk=order_id).first()
        if order is None:
            return None
        checkout = Checkout.objects.get(order_id=order_id)
        return cls(order, checkout, list(CheckoutLeg.objects.filter(checkout_id=order_id)), now)

    def save(self) -> None:
        """Write the order, its checkout and the legs that moved."""
        self.order.save()
        self.checkout.save()
        for leg in self.moved.values():
            leg.save()

    def insert(self) -> None:
        """Write a saga that has just begun, for the first time."""
        self.order.save(force_insert=True)
        self.checkout.save(force_insert=True)
        CheckoutLeg.objects.bulk_create(self.legs.values())

    @property
    def lines(self) -> Sequence[OrderLine]:
        """What is sold."""
        return self._lines if self._lines is not None else list(self.order.lines.all())

    def _mark(self, leg: CheckoutLeg, state: str) -> None:
        leg.state = state
        self.moved[leg.kind] = leg

    # Forward -----------------------------------------------------------------------------------------------------
    def advance(self) -> None:
        """Start the next leg that is not done; with none left the order is paid for."""
        for kind in self._forward():
            leg = self.legs[kind]
            if leg.state == LegState.PENDING:
                self._start(leg)
            if leg.state == LegState.RUNNING:
                return
        self._finish()

    def _forward(self) -> list[str]:
        return [kind.value for kind in LegKind if kind.value in self.legs]

    def _start(self, leg: CheckoutLeg) -> None:
        self._mark(leg, LegState.RUNNING)
        leg.started_at = self.now
        self.checkout.step = leg.kind
        self.checkout.state = SagaState.RUNNING
        _REQUESTS[leg.kind](self, leg)
        if leg.kind in DEADLINES and self.checkout.state == SagaState.RUNNING:
            deadline = events.LegTimedOut(order_id=self.order.id, attempt_id=leg.attempt_id, leg=leg.kind)
            set_timer(handler=HANDLER, event=deadline, due_at=self.now + DEADLINES[LegKind(leg.kind)])
        failpoints.reach("checkout.requested", leg.kind)

    def is_running(self, kind: str, attempt_id: UUID | None) -> bool:
        """Whether an answer of this attempt is being waited for."""
        leg = self.legs.get(kind)
        return leg is not None and leg.attempt_id == attempt_id and leg.state == LegState.RUNNING

    def succeed(self, kind: str, **data: Any) -> None:
        """Mark a leg done and go on."""
        self._close(self.legs[kind], LegState.SUCCEEDED)
        record_step(self.order, f"{kind}.succeeded", now=self.now, data=data)
        failpoints.reach("checkout.succeeded", kind)
        self.advance()

    def _close(self, leg: CheckoutLeg, state: str) -> None:
        self._mark(leg, state)
        leg.finished_at = self.now

    def _finish(self) -> None:
        self.checkout.state, self.checkout.step = SagaState.COMPLETED, "done"
        self.checkout.finished_at = self.now
        self.order.reservation_expires_at = None
        previous = self.order.move(Status.PAID, roles=SYSTEM_ACTOR.roles, now=self.now)
        record_status(self.order, previous, actor=SYSTEM_ACTOR, reason="", now=self.now)
        publish(
            events.OrderPaid(
                order_id=self.order.id,
                number=self.order.number,
                customer_id=self.order.customer_id,
                total_amount=self.order.total_amount,
                currency=self.order.currency,
                attempt_id=self.legs[LegKind.STOCK].attempt_id,
            )
        )

    # Backward ----------------------------------------------------------------------------------------------------
    def fail(self, kind: str, code: str, detail: str, **extra: Any) -> None:
        """Mark a leg failed, say why, and undo what the others did."""
        leg = self.legs[kind]
        leg.error = {"code": code, "detail": detail} | extra
        self._close(leg, LegState.FAILED)
        self.checkout.failure = {"code": code, "step": kind, "detail": detail} | extra
        record_step(self.order, f"{kind}.failed", now=self.now, reason=detail, data=leg.error)
        failpoints.reach("checkout.failed", kind)
        self.compensate()

    def compensate(self) -> None:
        """Undo the next leg, in reverse; with none left the order is cancelled, or refunded if it was paid."""
        self.checkout.state = SagaState.COMPENSATING
        for kind in reversed(self._forward()):
            leg = self.legs[kind]
            if leg.state == LegState.COMPENSATING:
                return
            if self._needs_undoing(leg):
                self._mark(leg, LegState.COMPENSATING)
                self.checkout.step = kind
                _UNDO[kind](self, leg)
                failpoints.reach("checkout.undo", kind)
                return
            if leg.state == LegState.PENDING:
                self._close(leg, LegState.SKIPPED)
        self._finish_compensation()

    def _needs_undoing(self, leg: CheckoutLeg) -> bool:
        """A refused leg holds nothing; the payment leg may hold what the buyer paid besides."""
        if leg.kind == LegKind.DISBURSEMENT:
            return False
        started = {LegState.RUNNING, LegState.SUCCEEDED}
        return leg.state in (started | {LegState.FAILED} if leg.kind == LegKind.PAYMENT else started)

    def undone(self, kind: str, attempt_id: UUID | None) -> None:
        """A leg reported that it holds nothing any more."""
        leg = self.legs.get(kind)
        if leg is None or leg.attempt_id != attempt_id or leg.state != LegState.COMPENSATING:
            return
        self._close(leg, LegState.COMPENSATED)
        record_step(self.order, f"{kind}.undone", now=self.now)
        failpoints.reach("checkout.undone", kind)
        self.compensate()

    def _finish_compensation(self) -> None:
        self.checkout.state, self.checkout.step = SagaState.COMPENSATED, "done"
        self.checkout.finished_at = self.now
        self.order.reservation_expires_at = None
        failure = self.checkout.failure or {}
        if self.order.status != Status.CANCELLED:
            self.cancel(failure.get("code", ""), failure.get("detail", ""))
        if self.checkout.is_refund:
            previous = self.order.move(Status.REFUNDED, roles=SYSTEM_ACTOR.roles, now=self.now)
            record_status(self.order, previous, actor=SYSTEM_ACTOR, reason="", now=self.now)

    def cancel(self, code: str, detail: str) -> None:
        """Move to cancelled in the system's name."""
        previous = self.order.move(Status.CANCELLED, roles=SYSTEM_ACTOR.roles, now=self.now)
        data = {"failure": self.checkout.failure} if self.checkout.failure else {}
        record_status(self.order, previous, actor=SYSTEM_ACTOR, reason=code or detail, now=self.now, data=data)
        publish_cancelled(self.order, code or detail)


def publish_cancelled(order: Order, reason: str) -> None:
    """Tell everyone that the order ended without a sale."""
    publish(events.OrderCancelled(order_id=order.id, number=order.number, customer_id=order.customer_id, reason=reason))


# What each leg asks for -----------------------------------------------------------------------------------------
def _request_stock(saga: Saga, leg: CheckoutLeg) -> None:
    until = saga.order.reservation_expires_at or saga.now
    lines = [
        events.RequestedLine(product_id=line.product_id, quantity=line.quantity)
        for line in saga.lines
        if line.product_id
    ]
    publish(
        events.StockRequested(
            order_id=saga.order.id,
            attempt_id=leg.attempt_id,
            lines=lines,
            expires_at=until,
        )
    )


def _request_loan(saga: Saga, leg: CheckoutLeg) -> None:
    publish(
        events.LoanRequested(
            order_id=saga.order.id,
            attempt_id=leg.attempt_id,
            customer_id=saga.order.customer_id,
            currency=saga.order.currency,
            application=leg.request,
            auto_accept=bool(leg.request.get("auto_accept", True)),
        )
    )


def _request_payment(saga: Saga, leg: CheckoutLeg) -> None:
    """Ask for the payment named in the order; with none, or with part of it, wait for the buyer to pay."""
    due = due_from_buyer(saga.order)
    if due <= 0:
        saga.succeed(LegKind.PAYMENT)
        return
    if not leg.request.get("method") or leg.request.get("is_spent"):
        saga.checkout.state = SagaState.WAITING
        return
    amount = min(Decimal(leg.request.get("amount") or due), due)
    method_id = leg.request.get("payment_method_id")
    publish(
        events.PaymentRequested(
            order_id=saga.order.id,
            attempt_id=leg.attempt_id,
            customer_id=saga.order.customer_id,
            amount=amount,
            currency=saga.order.currency,
            method=leg.request["method"],
            token=leg.request.get("token") or "",
            payment_method_id=UUID(method_id) if method_id else None,
        )
    )


def _request_policies(saga: Saga, leg: CheckoutLeg) -> None:
    publish(
        events.PoliciesRequested(
            order_id=saga.order.id,
            attempt_id=leg.attempt_id,
            customer_id=saga.order.customer_id,
            currency=saga.order.currency,
            quotes=leg.request["quotes"],
        )
    )


def _request_disbursement(saga: Saga, leg: CheckoutLeg) -> None:
    loan = saga.legs[LegKind.LOAN]
    publish(events.DisbursementRequested(order_id=saga.order.id, attempt_id=loan.attempt_id))


_REQUESTS: dict[str, Callable[[Saga, CheckoutLeg], None]] = {
    LegKind.STOCK: _request_stock,
    LegKind.LOAN: _request_loan,
    LegKind.PAYMENT: _request_payment,
    LegKind.POLICIES: _request_policies,
    LegKind.DISBURSEMENT: _request_disbursement,
}


def _undo(event: type[Event]) -> Callable[[Saga, CheckoutLeg], None]:
    def request(saga: Saga, leg: CheckoutLeg) -> None:
        reason = (saga.checkout.failure or {}).get("code", "cancelled")
        publish(event(order_id=saga.order.id, attempt_id=leg.attempt_id, reason=reason))

    return request


_UNDO: dict[str, Callable[[Saga, CheckoutLeg], None]] = {
    LegKind.STOCK: _undo(events.StockReleaseRequested),
    LegKind.LOAN: _undo(events.LoanWithdrawalRequested),
    LegKind.PAYMENT: _undo(events.RefundRequested),
    LegKind.POLICIES: _undo(events.PoliciesCancelRequested),
}


def due_from_buyer(order: Order) -> Decimal:
    """What the buyer has to pay by themselves: the total less the loan and what is paid."""
    return order.total_amount - order.loan_amount - order.amount_paid


# What each answer means -----------------------------------------------------------------------------------------
def react(*, event: Event, now: datetime) -> None:
    """Apply one answer or deadline to the saga of its order. An event about an unknown order changes nothing."""
    with transaction("orders"):
        saga = Saga.load(event.order_id, now)  # type: ignore[attr-defined]
        if saga is None:
            return
        _REACTIONS[type(event)](saga, event)
        saga.save()


def _stock_reserved(saga: Saga, event: StockReserved) -> None:
    if not saga.is_running(LegKind.STOCK, event.attempt_id):
        return
    previous = saga.order.move(Status.AWAITING_PAYMENT, roles=SYSTEM_ACTOR.roles, now=saga.now)
    record_status(saga.order, previous, actor=SYSTEM_ACTOR, reason="", now=saga.now)
    lapse = events.ReservationLapsed(order_id=saga.order.id, attempt_id=event.attempt_id)
    set_timer(handler=HANDLER, event=lapse, due_at=event.expires_at)
    saga.succeed(LegKind.STOCK)


def _stock_rejected(saga: Saga, event: StockRejected) -> None:
    if saga.is_running(LegKind.STOCK, event.attempt_id):
        shortfalls = [
            {"product_id": str(item.product_id), "requested": item.requested, "available": item.available}
            for item in event.shortfalls
        ]
        saga.fail(LegKind.STOCK, event.code, event.detail, shortfalls=shortfalls)


def _stock_released(saga: Saga, event: StockReleased) -> None:
    leg = saga.legs[LegKind.STOCK]
    if event.reason == "expired" and leg.attempt_id == event.attempt_id and leg.state == LegState.SUCCEEDED:
        if saga.order.status == Status.AWAITING_PAYMENT:
            leg.state = LegState.FAILED
            saga.fail(LegKind.STOCK, "reservation_expired", "The reservation expired before the payment arrived.")
        return
    saga.undone(LegKind.STOCK, event.attempt_id)


def _loan_approved(saga: Saga, event: ApplicationApproved) -> None:
    if not saga.is_running(LegKind.LOAN, event.attempt_id):
        return
    saga.order.financing_application_id = event.application_id
    if event.is_accepted:
        _loan_agreed(saga, event.amount)
    else:
        saga.checkout.state = SagaState.WAITING


def _loan_accepted(saga: Saga, event: ApplicationAccepted) -> None:
    if saga.is_running(LegKind.LOAN, event.attempt_id):
        saga.order.financing_application_id = event.application_id
        _loan_agreed(saga, event.amount)


def _loan_agreed(saga: Saga, amount: Decimal) -> None:
    saga.order.loan_amount = min(amount, saga.order.total_amount)
    saga.order.touch(saga.now)
    saga.succeed(LegKind.LOAN, amount=str(amount))


def _loan_rejected(saga: Saga, event: ApplicationRejected) -> None:
    if saga.is_running(LegKind.LOAN, event.attempt_id):
        saga.fail(LegKind.LOAN, "loan_rejected", event.detail, reasons=event.reasons)


def _loan_withdrawn(saga: Saga, event: ApplicationWithdrawn) -> None:
    if saga.is_running(LegKind.LOAN, event.attempt_id):
        saga.fail(LegKind.LOAN, "loan_withdrawn", event.reason)
    else:
        saga.undone(LegKind.LOAN, event.attempt_id)


def _loan_disbursed(saga: Saga, event: LoanDisbursed) -> None:
    loan = saga.legs.get(LegKind.LOAN)
    leg = saga.legs.get(LegKind.DISBURSEMENT)
    if loan is None or leg is None or loan.attempt_id != event.attempt_id or leg.state != LegState.RUNNING:
        return
    leg.request = {"amount": str(event.amount)}
    saga.order.amount_paid += event.amount
    saga.order.loan_amount = Decimal(0)
    saga.order.touch(saga.now)
    saga.succeed(LegKind.DISBURSEMENT, amount=str(event.amount))


def _payment_created(saga: Saga, event: PaymentCreated) -> None:
    OrderPayment.objects.get_or_create(
        payment_id=event.payment_id,
        defaults={"order_id": saga.order.id, "state": PaymentState.IN_FLIGHT, "amount": event.amount},
    )


def _payment_completed(saga: Saga, event: PaymentCompleted) -> None:
    payment, _ = OrderPayment.objects.update_or_create(
        payment_id=event.payment_id,
        defaults={"order_id": saga.order.id, "state": PaymentState.TAKEN, "amount": event.amount},
    )
    _recount(saga)
    record_step(saga.order, "payment.completed", now=saga.now, data={"amount": str(payment.amount)})
    leg = saga.legs[LegKind.PAYMENT]
    if leg.state != LegState.RUNNING:
        return
    if due_from_buyer(saga.order) <= 0:
        saga.succeed(LegKind.PAYMENT)
    else:
        saga.checkout.state = SagaState.WAITING


def _payment_failed(saga: Saga, event: PaymentFailed) -> None:
    OrderPayment.objects.update_or_create(
        payment_id=event.payment_id,
        defaults={"order_id": saga.order.id, "state": PaymentState.FAILED, "amount": event.amount},
    )
    if saga.is_running(LegKind.PAYMENT, event.attempt_id):
        saga.fail(LegKind.PAYMENT, event.code, event.detail)
    else:
        record_step(saga.order, "payment.failed", now=saga.now, reason=event.detail, data={"code": event.code})


def _payment_refunded(saga: Saga, event: PaymentRefunded) -> None:
    OrderPayment.objects.filter(payment_id=event.payment_id).update(refunded=event.refunded_total)
    _recount(saga)
    record_step(saga.order, "payment.refunded", now=saga.now, data={"amount": str(event.amount)})


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
    saga.undone(LegKind.POLICIES, event.attempt_id)


def _reservation_lapsed(saga: Saga, event: events.ReservationLapsed) -> None:
    """The time to pay is over; a payment that is under way is waited for first."""
    if saga.order.status != Status.AWAITING_PAYMENT or saga.checkout.state == SagaState.COMPENSATING:
        return
    in_flight = OrderPayment.objects.filter(order_id=saga.order.id, state=PaymentState.IN_FLIGHT).exists()
    paying = saga.legs[LegKind.PAYMENT].state == LegState.RUNNING and saga.checkout.state == SagaState.RUNNING
    beyond = saga.legs[LegKind.PAYMENT].state == LegState.SUCCEEDED
    if in_flight or paying or beyond:
        _extend(saga, event)
        return
    saga.checkout.failure = {"code": "expired", "step": saga.checkout.step, "detail": "The time to pay is over."}
    saga.compensate()


def _extend(saga: Saga, event: events.ReservationLapsed) -> None:
    until = saga.now + EXPIRY_GRACE
    saga.order.reservation_expires_at = until + EXPIRY_GRACE
    publish(
        events.StockExtensionRequested(
            order_id=saga.order.id, attempt_id=event.attempt_id, expires_at=until + EXPIRY_GRACE
        )
    )
    set_timer(handler=HANDLER, event=event, due_at=until)


def _leg_timed_out(saga: Saga, event: events.LegTimedOut) -> None:
    if saga.is_running(event.leg, event.attempt_id) and saga.checkout.state == SagaState.RUNNING:
        saga.fail(event.leg, f"{event.leg}_timed_out", "There was no answer in time.")


_REACTIONS: dict[type[Event], Callable[[Saga, Any], None]] = {
    StockReserved: _stock_reserved,
    StockRejected: _stock_rejected,
    StockReleased: _stock_released,
    ApplicationApproved: _loan_approved,
    ApplicationAccepted: _loan_accepted,
    ApplicationRejected: _loan_rejected,
    ApplicationWithdrawn: _loan_withdrawn,
    LoanDisbursed: _loan_disbursed,
    PaymentCreated: _payment_created,
    PaymentCompleted: _payment_completed,
    PaymentFailed: _payment_failed,
    PaymentRefunded: _payment_refunded,
    OrderSettled: _order_settled,
    PoliciesIssued: _policies_issued,
    PoliciesDeclined: _policies_declined,
    PoliciesRevoked: _policies_revoked,
    events.ReservationLapsed: _reservation_lapsed,
    events.LegTimedOut: _leg_timed_out,
}

REACTS_TO: tuple[type[Event], ...] = tuple(_REACTIONS)
