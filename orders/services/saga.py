"""The checkout's legs and how it steps over them: forward one after another, and back in reverse.

Every request carries the attempt of its leg. What cannot go on is parked: a manager sees why, and an answer that
arrives after all still moves it on.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog

from core import failpoints
from core.events import Event
from core.ids import uuid7
from gateway.approvals import require_permit
from messaging.outbox import publish
from messaging.timers import cancel_timers, set_timer
from orders import events
from orders.models import (
    CheckoutLeg,
    LegKind,
    LegState,
    Order,
    OrderReturn,
    ReturnState,
    SagaState,
    Status,
)
from orders.models.holds import HoldKind
from orders.services.deposits import follow_deposit
from orders.services.history import SYSTEM_ACTOR, record_status, record_step
from orders.services.holds import begin_hold, end_hold, rehold, term_of
from orders.services.locking import LockedOrder
from orders.services.requests import REQUESTS, UNDO

HANDLER = "orders.checkout"
PAYMENT_DEADLINE = timedelta(minutes=15)
POLICIES_DEADLINE = timedelta(minutes=10)
DISBURSEMENT_DEADLINE = timedelta(hours=1)
UNDO_DEADLINE = timedelta(hours=24)
DEADLINES: dict[str, Callable[[], timedelta]] = {
    LegKind.PAYMENT: lambda: PAYMENT_DEADLINE,
    LegKind.TRADE_IN: lambda: term_of(HoldKind.TRADE_IN),
    LegKind.LOAN: lambda: term_of(HoldKind.CREDIT),
    LegKind.POLICIES: lambda: POLICIES_DEADLINE,
    LegKind.DISBURSEMENT: lambda: DISBURSEMENT_DEADLINE,
}
"""Stock has none: while the catalogue is away orders are still taken, and their stock is decided when it is back."""
PARKED = {"code": "parked", "detail": "A manager is looking into it."}
"""What the buyer is told meanwhile; the reason is for managers and stands in the leg."""
log = structlog.get_logger(__name__)


class Saga(LockedOrder):
    """The rules of the checkout, over an order under lock."""

    def save(self) -> None:
        """Write the order with its checkout, held for as long as its deal deserves now."""
        rehold(self)
        follow_deposit(self)
        super().save()

    # Forward -----------------------------------------------------------------------------------------------------
    def advance(self) -> None:
        """Start the next leg that is not done; with none left the order is paid for."""
        for kind in self._forward():
            leg = self.legs[kind]
            if leg.state == LegState.PENDING:
                self._start(leg)
                return  # a leg that needs no answer has gone on by itself, perhaps to the very end
            if leg.state in (LegState.RUNNING, LegState.PARKED):
                return
        self._finish()

    def _forward(self) -> list[str]:
        return [kind.value for kind in LegKind if kind.value in self.legs]

    def _start(self, leg: CheckoutLeg) -> None:
        self.mark(leg, LegState.RUNNING)
        leg.started_at = self.now
        self.checkout.step = leg.kind
        self._ask(leg)
        failpoints.reach("checkout.requested", leg.kind)

    def _ask(self, leg: CheckoutLeg) -> None:
        self.checkout.state = SagaState.RUNNING
        leg.attempts += 1
        REQUESTS[leg.kind](self, leg)
        if leg.kind in DEADLINES and leg.state == LegState.RUNNING and self.checkout.state == SagaState.RUNNING:
            leg.deadline_at = self.now + DEADLINES[leg.kind]()
            deadline = events.LegTimedOut(order_id=self.order.id, attempt_id=leg.attempt_id, leg=leg.kind)
            set_timer(handler=HANDLER, event=deadline, due_at=leg.deadline_at)

    def is_asked(self, kind: str) -> bool:
        """Tell whether a leg waits for the answer to its request, parked or not."""
        leg = self.legs.get(kind)
        if leg is None:
            return False
        return leg.state == LegState.RUNNING or (leg.state == LegState.PARKED and not self.checkout.is_undoing)

    def is_running(self, kind: str, attempt_id: UUID | None) -> bool:
        """Tell whether an answer of this attempt is being waited for."""
        return self.is_asked(kind) and self.legs[kind].attempt_id == attempt_id

    def wait(self) -> None:
        """Wait for the buyer, with no deadline but that of the reservation."""
        self.unpark()
        self.checkout.state = SagaState.WAITING

    def go_on_paying(self) -> None:
        """Ask for the next payment that is planned."""
        self._cancel_timers(events.LegTimedOut)
        self._ask(self.legs[LegKind.PAYMENT])

    def succeed(self, kind: str, **data: Any) -> None:
        """Mark a leg done and go on."""
        self._close(self.legs[kind], LegState.SUCCEEDED)
        record_step(self, f"{kind}.succeeded", now=self.now, data=data)
        failpoints.reach("checkout.succeeded", kind)
        self.advance()

    def _close(self, leg: CheckoutLeg, state: str) -> None:
        self.unpark()
        self.mark(leg, state)
        leg.finished_at = self.now

    def _finish(self) -> None:
        self.checkout.state, self.checkout.step = SagaState.COMPLETED, "done"
        self.checkout.finished_at = self.now
        end_hold(self.order)
        previous = self.order.move(Status.PAID, roles=SYSTEM_ACTOR.roles, now=self.now)
        record_status(self, previous, actor=SYSTEM_ACTOR, reason="", now=self.now)
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
        record_step(self, f"{kind}.failed", now=self.now, reason=detail, data=leg.error)
        failpoints.reach("checkout.failed", kind)
        self.compensate()

    def compensate(self) -> None:
        """Undo the next leg, in reverse; with none left the order is cancelled, or refunded if it was paid."""
        self.unpark()
        self.checkout.state = SagaState.COMPENSATING
        if self.checkout.undo_started_at is None:
            self.checkout.undo_started_at = self.now
            self._limit_undoing()
        for kind in reversed(self._forward()):
            leg = self.legs[kind]
            if leg.state == LegState.COMPENSATING:
                return
            if self._needs_undoing(leg):
                self.mark(leg, LegState.COMPENSATING)
                self.checkout.step = kind
                UNDO[kind](self, leg)
                failpoints.reach("checkout.undo", kind)
                return
            if leg.state == LegState.PENDING or self._needs_no_answer(leg):
                self._close(leg, LegState.SKIPPED)
            elif leg.kind == LegKind.TRADE_IN and leg.state == LegState.SUCCEEDED:
                self._close(leg, LegState.COMPENSATED)
                self._owe_trade_in()
        self._finish_compensation()

    def _owe_trade_in(self) -> None:
        """The buyer's car, or its price, is theirs again: a manager gives it back and says so."""
        owed, self.order.trade_in_credit = self.order.trade_in_credit, Decimal(0)
        if owed:
            self.order.trade_in_owed = owed
            record_step(self, "trade_in.owed", now=self.now, data={"amount": str(owed)})
            self.call_manager(LegKind.TRADE_IN, "trade_in_owed", f"{owed} {self.order.currency}")

    def _needs_no_answer(self, leg: CheckoutLeg) -> bool:
        """Its answer counts no more: withdrawing the loan takes back the payout too, made or not."""
        return leg.kind not in UNDO and leg.state == LegState.RUNNING

    def _limit_undoing(self) -> None:
        overdue = events.UndoOverdue(order_id=self.order.id)
        set_timer(handler=HANDLER, event=overdue, due_at=self.now + UNDO_DEADLINE)

    def _needs_undoing(self, leg: CheckoutLeg) -> bool:
        """A refused leg holds nothing; one that timed out may, and the payment leg what the buyer paid besides."""
        if leg.kind not in UNDO:
            return False
        if leg.state == LegState.FAILED:
            return leg.kind == LegKind.PAYMENT or (leg.error or {}).get("code") == timed_out(leg.kind)
        return leg.state in (LegState.RUNNING, LegState.SUCCEEDED)

    @property
    def refund_waits_for_insurers(self) -> bool:
        """Tell whether policies have to be cancelled before it is known how much of the order's money goes back."""
        legs = (self.legs.get(LegKind.PAYMENT), self.legs.get(LegKind.POLICIES))
        return all(leg is not None and self._needs_undoing(leg) for leg in legs)

    def undone(self, kind: str, attempt_id: UUID | None) -> None:
        """A leg reported that it holds nothing any more."""
        leg = self.legs.get(kind)
        if leg is None or leg.attempt_id != attempt_id or not self.is_being_undone(leg):
            return
        self._close(leg, LegState.COMPENSATED)
        if kind == LegKind.LOAN:
            self._take_back_payout()
        record_step(self, f"{kind}.undone", now=self.now)
        failpoints.reach("checkout.undone", kind)
        self.compensate()

    def _take_back_payout(self) -> None:
        """A loan that is cancelled pays for nothing."""
        payout = self.legs.get(LegKind.DISBURSEMENT)
        self.order.loan_amount = Decimal(0)
        if payout is not None and payout.state == LegState.SUCCEEDED:
            self._close(payout, LegState.COMPENSATED)
            self.order.amount_paid -= Decimal(payout.request["amount"])
        self.order.touch(self.now)

    def is_being_undone(self, leg: CheckoutLeg) -> bool:
        """Tell whether a leg was asked to give back what it holds and has not said that it did, parked or not."""
        return leg.state == LegState.COMPENSATING or (leg.state == LegState.PARKED and self.checkout.is_undoing)

    def _finish_compensation(self) -> None:
        self.checkout.state, self.checkout.step = SagaState.COMPENSATED, "done"
        self.checkout.finished_at = self.now
        end_hold(self.order)
        if self.order.status == Status.RETURNING:
            self._finish_return()
            return
        failure = self.checkout.failure or {}
        if self.order.status != Status.CANCELLED:
            self.cancel(failure.get("code", ""), failure.get("detail", ""))
        if self.checkout.is_refund:
            previous = self.order.move(Status.REFUNDED, roles=SYSTEM_ACTOR.roles, now=self.now)
            record_status(self, previous, actor=SYSTEM_ACTOR, reason="", now=self.now)

    def _finish_return(self) -> None:
        """Everything is back: the goods here, the money there."""
        taken_back = OrderReturn.objects.select_for_update().get(order_id=self.order.id, state=ReturnState.ACCEPTED)
        taken_back.move(ReturnState.DONE, now=self.now)
        taken_back.save()
        previous = self.order.move(Status.RETURNED, roles=SYSTEM_ACTOR.roles, now=self.now)
        record_status(self, previous, actor=SYSTEM_ACTOR, reason=taken_back.reason, now=self.now)
        publish(
            events.OrderReturned(
                order_id=self.order.id,
                number=self.order.number,
                customer_id=self.order.customer_id,
                return_id=taken_back.id,
                reason=taken_back.reason,
                vehicles=[events.SoldVehicle(vin=line.vin, name=line.name) for line in self.lines if line.vin],
            )
        )

    def cancel(self, code: str, detail: str) -> None:
        """Move to cancelled in the system's name."""
        previous = self.order.move(Status.CANCELLED, roles=SYSTEM_ACTOR.roles, now=self.now)
        data = {"failure": self.checkout.failure} if self.checkout.failure else {}
        record_status(self, previous, actor=SYSTEM_ACTOR, reason=code or detail, now=self.now, data=data)
        publish_cancelled(self.order, code or detail)

    # What is not asked of another app ----------------------------------------------------------------------------
    def credit_trade_in(self, amount: Decimal) -> None:
        """The value of the buyer's car is agreed to. Raises Undeclared where nobody was asked."""
        require_permit("orders")
        self.order.trade_in_credit = min(amount, self.order.total_amount)
        self.order.touch(self.now)
        self.succeed(LegKind.TRADE_IN, amount=str(self.order.trade_in_credit))

    def call_manager(self, leg: str, cause: str, detail: str) -> None:
        """Tell the managers that a leg waits for one of them."""
        publish(
            events.AttentionNeeded(
                order_id=self.order.id, number=self.order.number, leg=leg, cause=cause, detail=detail[:500]
            )
        )

    # When it cannot go on ----------------------------------------------------------------------------------------
    @property
    def active(self) -> CheckoutLeg | None:
        """The leg that something is being waited for."""
        waiting = (LegState.RUNNING, LegState.COMPENSATING, LegState.PARKED)
        return next((leg for leg in self.legs.values() if leg.state in waiting), None)

    def park(self, code: str, reason: str) -> None:
        """Stop waiting in silence: a manager has to look, though an answer still counts. Parked twice is once."""
        leg = self.active
        if leg is None or self.checkout.finished_at is not None or self.checkout.state == SagaState.PARKED:
            return
        note = PARKED | {"step": leg.kind, "cause": code}
        self.checkout.parked_from, self.checkout.state = self.checkout.state, SagaState.PARKED
        self.checkout.failure = (self.checkout.failure or note) | {"parked": note}
        self.mark(leg, LegState.PARKED)
        leg.parked_reason = reason[:2000]
        record_step(self, f"{leg.kind}.parked", now=self.now, data={"cause": code})
        self.call_manager(leg.kind, code, reason)
        log.error("checkout_parked", order_id=str(self.order.id), leg=leg.kind, cause=code, reason=reason)

    def unpark(self) -> None:
        """Go back to where it was before it was parked, if it is."""
        if self.checkout.state != SagaState.PARKED:
            return
        for leg in self.legs.values():
            if leg.state == LegState.PARKED:
                self.mark(leg, LegState.COMPENSATING if self.checkout.is_undoing else LegState.RUNNING)
                leg.parked_reason = ""
        self.checkout.state, self.checkout.parked_from = self.checkout.parked_from, ""
        kept = {name: value for name, value in (self.checkout.failure or {}).items() if name != "parked"}
        self.checkout.failure = None if kept.get("code") == PARKED["code"] else kept or None

    def ask_again(self, leg: CheckoutLeg) -> None:
        """Send a leg's request, or the request to undo it, once more under the same attempt."""
        self.unpark()
        if self.checkout.is_undoing:
            self._cancel_timers(events.UndoOverdue)
            leg.attempts += 1
            self.mark(leg, LegState.COMPENSATING)
            UNDO[leg.kind](self, leg)
            self._limit_undoing()
        elif self.checkout.state == SagaState.RUNNING:
            self._cancel_timers(events.LegTimedOut)
            self.mark(leg, LegState.RUNNING)
            self._ask(leg)

    def can_restart(self, leg: CheckoutLeg) -> bool:
        """Tell whether a failed leg may have a new attempt: it holds nothing, and the money was never closed."""
        return (
            leg.state == LegState.FAILED
            and not self._needs_undoing(leg)
            and self.checkout.is_undoing
            and self.order.status in (Status.CREATED, Status.AWAITING_PAYMENT)
            and self.legs[LegKind.PAYMENT].started_at is None
        )

    def restart(self) -> None:
        """Turn round: every leg that failed or is being undone begins anew under a new attempt.

        What the old attempts hold has been asked back already, and is given back whatever becomes of the new ones.
        """
        self._cancel_timers(events.LegTimedOut, events.UndoOverdue, events.ReservationLapsed)
        self.unpark()
        self.checkout.failure = self.checkout.undo_started_at = None
        self.order.loan_amount, self.order.financing_application_id = Decimal(0), None
        begin_hold(self.order, self.now)
        self.order.touch(self.now)
        for leg in self.legs.values():
            if leg.state != LegState.SUCCEEDED:
                leg.attempt_id, leg.error = uuid7(), None
                leg.started_at = leg.finished_at = leg.deadline_at = None
                self.mark(leg, LegState.PENDING)
        self.advance()

    def skip(self, leg: CheckoutLeg) -> None:
        """Go on without a leg, after taking back whatever its attempt may still bring about."""
        if leg.kind == LegKind.DISBURSEMENT:
            self.order.loan_amount = Decimal(0)
            self.order.touch(self.now)
            UNDO[LegKind.LOAN](self, self.legs[LegKind.LOAN])
        else:
            UNDO[leg.kind](self, leg)
        self._close(leg, LegState.SKIPPED)
        self.advance()

    def _cancel_timers(self, *kinds: type[Event]) -> None:
        for kind in kinds:
            cancel_timers(alias="orders", lane=str(self.order.id), event_type=kind.type)


def timed_out(kind: str) -> str:
    """Code of a leg that was not answered in time."""
    return f"{kind}_timed_out"


def publish_cancelled(order: Order, reason: str, *, refund_follows: bool = False) -> None:
    """Tell everyone that the order ended without a sale."""
    publish(
        events.OrderCancelled(
            order_id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            reason=reason,
            refund_follows=refund_follows,
        )
    )
