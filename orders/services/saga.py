"""The checkout: how it steps over its legs, forward one after another, and back in reverse; it knows none by name.

Every request carries the attempt of its leg. What cannot go on is parked: a manager sees why, and an answer that
arrives after all still moves it on.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import structlog

from core.events import Event
from core.ids import uuid7
from core.running import failpoints
from messaging.delivery.timers import cancel_timers, set_timer
from messaging.outbox import publish
from orders import events
from orders.models import (
    BEFORE_HANDOVER,
    CheckoutLeg,
    Freed,
    LegState,
    Order,
    OrderReturn,
    ReturnState,
    SagaState,
    Status,
)
from orders.services.commissions import reverse_commission
from orders.services.deposits import follow_deposit
from orders.services.history import SYSTEM_ACTOR, record_status, record_step
from orders.services.holds import begin_hold, end_hold, rehold
from orders.services.legs import LEGS
from orders.services.legs.base import (
    AskAgain,
    Done,
    Failed,
    Leg,
    Park,
    Settle,
    Skip,
    Step,
    Undone,
    Waits,
    WaitsAgain,
    timed_out,
)
from orders.services.locking import PARKED, LockedOrder
from orders.services.marks import free_marks
from orders.services.promotions import give_promotions_back

HANDLER = "orders.checkout"
UNDO_DEADLINE = timedelta(hours=24)
log = structlog.get_logger(__name__)


class Saga(LockedOrder):
    """The rules of the checkout, over an order under lock."""

    ranks: ClassVar[Mapping[str, int]] = {kind: rank for rank, kind in enumerate(LEGS)}

    def save(self) -> None:
        """Write the order with its checkout, held for as long as its deal deserves now."""
        rehold(self, [kind for leg in LEGS.values() for kind in leg.hold_kinds(self)])
        follow_deposit(self)
        super().save()

    def go(self, kind: str, step: Step | None) -> None:
        """Go where an answer to a leg, or a word of a manager about it, leads."""
        match step:
            case Done(data):
                self.succeed(kind, **data)
                self.settle()
            case Failed(code, detail, extra):
                self.fail(kind, code, detail, **extra)
            case Undone(attempt_id):
                self.undone(kind, attempt_id)
            case Waits():
                self.unpark()
                self.checkout.state = SagaState.WAITING
            case WaitsAgain():
                self._wait_again(self.legs[kind])
            case AskAgain():
                self._cancel_timers(events.LegTimedOut)
                self._ask(self.legs[kind])
            case Skip():
                self.skip(self.legs[kind])
            case Settle():
                self.settle()
            case Park(code, reason):
                self.park(code, reason)

    # Forward -----------------------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Start the first leg of an order that is being placed; it is asked once all is written."""
        self._start(self.legs[next(self._forward()).kind])

    def ask(self) -> None:
        """Ask what `begin` started: no command precedes the news that there is the order."""
        self._send(self.legs[self.checkout.step])

    def advance(self) -> None:
        """Start the next leg that is not done; with none left the order is paid for."""
        for leg in self._forward():
            row = self.legs[leg.kind]
            if row.state == LegState.PENDING:
                self._start(row)
                self._send(row)
                return  # a leg that needs no answer has gone on by itself, perhaps to the very end
            if row.state in (LegState.RUNNING, LegState.PARKED):
                return
        self._finish()

    def _forward(self) -> Iterator[Leg]:
        return (leg for leg in LEGS.values() if leg.kind in self.legs)

    def _start(self, row: CheckoutLeg) -> None:
        self.mark(row, LegState.RUNNING)
        row.started_at = self.now
        row.attempts += 1
        self.checkout.step, self.checkout.state = row.kind, SagaState.RUNNING

    def _ask(self, row: CheckoutLeg) -> None:
        self.checkout.state = SagaState.RUNNING
        row.attempts += 1
        self._send(row)

    def _wait_again(self, row: CheckoutLeg) -> None:
        self._cancel_timers(events.LegTimedOut)
        row.deadline_at = None
        self.unpark()
        self.checkout.state = SagaState.WAITING

    def _send(self, row: CheckoutLeg) -> None:
        leg = LEGS[row.kind]
        step = leg.ask(self, row)
        if step is not None:
            self.go(row.kind, step)
        elif leg.deadline is not None:
            row.deadline_at = self.now + leg.deadline
            silence = events.LegTimedOut(order_id=self.order.id, attempt_id=row.attempt_id, leg=row.kind)
            set_timer(handler=HANDLER, event=silence, due_at=row.deadline_at)
        failpoints.reach("checkout.requested", row.kind)

    def settle(self) -> None:
        """Go on where the buyer is waited for and nothing is needed of them any more."""
        if self.checkout.state != SagaState.WAITING:
            return
        for leg in self._forward():
            if self.legs[leg.kind].state == LegState.RUNNING and leg.is_over(self):
                self.succeed(leg.kind)
                return

    def succeed(self, kind: str, **data: Any) -> None:
        """Mark a leg done and go on."""
        self.close(self.legs[kind], LegState.SUCCEEDED)
        record_step(self, f"{kind}.succeeded", now=self.now, data=data)
        failpoints.reach("checkout.succeeded", kind)
        self.advance()

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
                attempt_id=self.stock.attempt_id,
            )
        )

    # Backward ----------------------------------------------------------------------------------------------------
    def fail(self, kind: str, code: str, detail: str, **extra: Any) -> None:
        """Mark a leg failed, say why, and undo what the others did."""
        leg = self.legs[kind]
        leg.error = {"code": code, "detail": detail} | extra
        self.close(leg, LegState.FAILED)
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
        for leg in reversed(list(self._forward())):
            row = self.legs[leg.kind]
            if row.state == LegState.COMPENSATING:
                return
            if self._needs_undoing(row):
                self.mark(row, LegState.COMPENSATING)
                self.checkout.step = leg.kind
                leg.undo(self, row)
                failpoints.reach("checkout.undo", leg.kind)
                return
            self._end_unasked(leg, row)
        self._finish_compensation()

    def _end_unasked(self, leg: Leg, row: CheckoutLeg) -> None:
        """End a leg that nobody has to give anything back for: its answer counts no more."""
        if row.state == LegState.PENDING or (row.state == LegState.RUNNING and not leg.takes_back):
            self.close(row, LegState.SKIPPED)
        elif leg.is_released_alone and row.state == LegState.SUCCEEDED:
            self.close(row, LegState.COMPENSATED)
            leg.release(self)

    def _limit_undoing(self) -> None:
        overdue = events.UndoOverdue(order_id=self.order.id)
        set_timer(handler=HANDLER, event=overdue, due_at=self.now + UNDO_DEADLINE)

    def _needs_undoing(self, row: CheckoutLeg) -> bool:
        """A refused leg holds nothing; one that timed out may, and one that keeps the buyer's money."""
        leg = LEGS[row.kind]
        if not leg.takes_back:
            return False
        if row.state == LegState.FAILED:
            return leg.keeps_money or (row.error or {}).get("code") == timed_out(row.kind)
        return row.state in (LegState.RUNNING, LegState.SUCCEEDED)

    @property
    def refund_waits(self) -> bool:
        """Tell whether a leg has to be undone before it is known how much of the order's money goes back."""
        needed = [leg for leg in self._forward() if self._needs_undoing(self.legs[leg.kind])]
        return any(leg.keeps_money for leg in needed) and any(leg.reckons_refund for leg in needed)

    def undone(self, kind: str, attempt_id: UUID | None) -> None:
        """A leg reported that it holds nothing any more."""
        row = self.legs.get(kind)
        if row is None or row.attempt_id != attempt_id or not self.is_being_undone(row):
            return
        self.close(row, LegState.COMPENSATED)
        LEGS[kind].after_undoing(self)
        record_step(self, f"{kind}.undone", now=self.now)
        failpoints.reach("checkout.undone", kind)
        self.compensate()

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
        give_promotions_back(self.order.id, self.now)
        reverse_commission(self)
        record_status(self, previous, actor=SYSTEM_ACTOR, reason=taken_back.reason, now=self.now)
        free_marks(self, Freed.RETURNED)
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
        if previous in BEFORE_HANDOVER:
            free_marks(self, Freed.CANCELLED)

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

    def ask_again(self, leg: CheckoutLeg) -> None:
        """Send a leg's request, or the request to undo it, once more under the same attempt."""
        self.unpark()
        if self.checkout.is_undoing:
            self._cancel_timers(events.UndoOverdue)
            leg.attempts += 1
            self.mark(leg, LegState.COMPENSATING)
            LEGS[leg.kind].undo(self, leg)
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
            and not any(row.started_at for row in self.legs.values() if LEGS[row.kind].keeps_money)
        )

    def restart(self) -> None:
        """Turn round: every leg that failed or is being undone begins anew under a new attempt.

        What the old attempts hold has been asked back already, and is given back whatever becomes of the new ones.
        """
        self._cancel_timers(events.LegTimedOut, events.UndoOverdue, events.ReservationLapsed)
        self.unpark()
        self.checkout.failure = self.checkout.undo_started_at = None
        begin_hold(self.order, self.now)
        self.order.touch(self.now)
        for leg in self.legs.values():
            if leg.state != LegState.SUCCEEDED:
                leg.attempt_id, leg.error = uuid7(), None
                leg.started_at = leg.finished_at = leg.deadline_at = None
                LEGS[leg.kind].reset(self)
                self.mark(leg, LegState.PENDING)
        self.advance()

    def skip(self, leg: CheckoutLeg) -> None:
        """Go on without a leg, after taking back whatever its attempt may still bring about."""
        LEGS[leg.kind].skip(self, leg)
        self.close(leg, LegState.SKIPPED)
        self.advance()

    def _cancel_timers(self, *kinds: type[Event]) -> None:
        for kind in kinds:
            cancel_timers(alias="orders", partition_key=str(self.order.id), event_type=kind.type)


def publish_cancelled(order: Order, reason: str, *, refund_follows: bool = False) -> None:
    """Tell everyone that the order ended without a sale, and give back what it held of campaigns and coupons."""
    give_promotions_back(order.id, order.updated_at)
    publish(
        events.OrderCancelled(
            order_id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            reason=reason,
            refund_follows=refund_follows,
        )
    )
