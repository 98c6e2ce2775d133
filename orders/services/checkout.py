"""Take in what the checkout hears: answers to its legs, and deadlines of its own.

It is an ordinary subscriber whose partition is the order, so answers and deadlines arrive one at a time. Every answer
repeats the attempt of the leg that asked; an answer to another attempt changes nothing.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from core.db import transaction
from core.events import Event
from gateway.approvals import let
from orders import events
from orders.approvals import CHECKOUT
from orders.models import SagaState, Status
from orders.services.changing import move_saga
from orders.services.excess import return_excess
from orders.services.history import SYSTEM_ACTOR
from orders.services.holds import look_at_hold
from orders.services.legs import ANSWERS, LEGS
from orders.services.legs.base import CallOff
from orders.services.saga import Saga


def react(*, event: Event, now: datetime) -> None:
    """Apply one answer or deadline to the saga of its order. An event about an unknown order changes nothing."""
    with transaction("orders"):
        saga = Saga.load(event.order_id, now)  # type: ignore[attr-defined]
        if saga is None:
            return
        let(CHECKOUT)
        if type(event) in _TIMERS:
            _TIMERS[type(event)](saga, event)
        else:
            _take(saga, event)
        return_excess(saga, "overpaid")
        saga.save()


def _take(saga: Saga, event: Event) -> None:
    """Give an answer to the leg that takes it, and go where it leads."""
    leg, answer = ANSWERS[type(event)]
    step = answer.take(saga, event)
    if isinstance(step, CallOff):
        move_saga(saga, Status.CANCELLED, actor=SYSTEM_ACTOR, reason=step.reason)
    else:
        saga.go(leg.kind, step)


def _reservation_lapsed(saga: Saga, event: events.ReservationLapsed) -> None:
    """Look at a hold whose timer rang: announce its end, or undo the order when it is over."""
    if saga.order.status != Status.AWAITING_PAYMENT or saga.checkout.is_undoing:
        return
    if event.attempt_id != saga.stock.attempt_id or not look_at_hold(saga):
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
    """Go where the silence of a leg leads that is still waited for."""
    if saga.is_running(event.leg, event.attempt_id) and saga.checkout.state == SagaState.RUNNING:
        saga.go(event.leg, LEGS[event.leg].time_out())


def _undo_overdue(saga: Saga, event: events.UndoOverdue) -> None:
    """Undoing is never given up; after a day somebody has to look why it does not end."""
    if saga.checkout.is_undoing:
        saga.park("undo_overdue", "What was done could not be undone within a day.")


_TIMERS: dict[type[Event], Callable[[Saga, Any], None]] = {
    events.ReservationLapsed: _reservation_lapsed,
    events.LegTimedOut: _leg_timed_out,
    events.UndoOverdue: _undo_overdue,
}

REACTS_TO: tuple[type[Event], ...] = (*ANSWERS, *_TIMERS)
