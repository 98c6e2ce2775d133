"""Steering a checkout by hand: what a manager may do with each leg, and doing it with a reason."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import InvalidInput, NotFound
from gateway.approvals import let
from messaging.delivery import parked
from messaging.models import DeliveryStatus, InboxEvent
from orders.approvals import CHECKOUT
from orders.errors import SteeringNotYours, SteeringRefused
from orders.models import STAFF, Checkout, CheckoutLeg, LegState, Order, SagaState, Status, SteeringAction
from orders.rules.requests import PaymentRequest, PlannedPayment
from orders.services.agreeing import as_maker, refuse_own
from orders.services.changing import move_saga
from orders.services.excess import return_excess
from orders.services.history import Actor, record_steering
from orders.services.legs import LEGS
from orders.services.legs.base import Said
from orders.services.queue import lock_queues, refuse_queued
from orders.services.saga import HANDLER, Saga

ADMIN = "admin"
DELIVERY_PARKED = "delivery_parked"


@dataclass(frozen=True)
class LegView:
    """A leg as managers see it; `allowed` is what this manager may do with it now."""

    leg: str
    state: str
    attempt_id: UUID
    attempts: int
    error: dict[str, Any] | None
    parked_reason: str
    started_at: datetime | None
    deadline_at: datetime | None
    finished_at: datetime | None
    allowed: list[str]


@dataclass(frozen=True)
class CheckoutView:
    """The saga of an order as managers see it."""

    order_id: UUID
    number: str
    status: str
    state: str
    step: str
    failure: dict[str, Any] | None
    owner_id: UUID | None
    started_at: datetime
    undo_started_at: datetime | None
    finished_at: datetime | None
    legs: list[LegView]


def view_checkout(*, order_id: UUID, actor: Actor, now: datetime) -> CheckoutView:
    """Everything a manager needs to judge a checkout. Raises NotFound."""
    order = Order.objects.select_related("checkout").filter(pk=order_id, deleted_at__isnull=True).first()
    if order is None:
        raise NotFound
    checkout = order.checkout
    saga = Saga(order, checkout, list(CheckoutLeg.objects.filter(checkout_id=order_id)), now)
    return CheckoutView(
        order_id=order.id,
        number=order.number,
        status=order.status,
        state=checkout.state,
        step=checkout.step,
        failure=checkout.failure,
        owner_id=checkout.owner_id,
        started_at=checkout.started_at,
        undo_started_at=checkout.undo_started_at,
        finished_at=checkout.finished_at,
        legs=[_view(saga, leg, actor) for leg in saga.legs.values()],
    )


def _view(saga: Saga, leg: CheckoutLeg, actor: Actor) -> LegView:
    own = {
        name: getattr(leg, name)
        for name in (
            "state", "attempt_id", "attempts", "error", "parked_reason", "started_at", "deadline_at", "finished_at",
        )
    }  # fmt: skip
    return LegView(leg=leg.kind, allowed=allowed_actions(saga, leg, actor), **own)


def allowed_actions(saga: Saga, leg: CheckoutLeg, actor: Actor) -> list[str]:
    """Return what this actor may do with a leg now."""
    if not actor.roles & STAFF:
        return []
    return [action for action in SteeringAction.values if _may(action, saga, leg, actor) and _is_for(action, actor)]


def _is_for(action: str, actor: Actor) -> bool:
    return action != SteeringAction.SKIP or ADMIN in actor.roles


def _may(action: str, saga: Saga, leg: CheckoutLeg, actor: Actor) -> bool:
    if action in _RULES:
        return _RULES[action](saga, leg, actor)
    steer = LEGS[leg.kind].steers.get(action)
    return steer is not None and steer.may(saga, leg)


def _may_retry(saga: Saga, leg: CheckoutLeg, actor: Actor) -> bool:
    """Whatever is being waited for, unless it is the buyer; and a refused leg while the order can still turn round."""
    if saga.checkout.finished_at is not None:
        return False
    is_waited_for = leg.state in (LegState.RUNNING, LegState.COMPENSATING, LegState.PARKED)
    return (is_waited_for and saga.checkout.state != SagaState.WAITING) or saga.can_restart(leg)


def _may_take_over(saga: Saga, leg: CheckoutLeg, actor: Actor) -> bool:
    return saga.checkout.finished_at is None and saga.checkout.owner_id != actor.id


def _may_cancel(saga: Saga, leg: CheckoutLeg, actor: Actor) -> bool:
    return Status.CANCELLED in saga.order.allowed(actor.roles)


_RULES: dict[str, Callable[[Saga, CheckoutLeg, Actor], bool]] = {
    SteeringAction.RETRY: _may_retry,
    SteeringAction.TAKE_OVER: _may_take_over,
    SteeringAction.CANCEL: _may_cancel,
}
"""What may be done with every leg; what else, each leg says itself."""


def steer_checkout(
    *,
    order_id: UUID,
    action: str,
    leg: str,
    reason: str,
    actor: Actor,
    now: datetime,
    amount: Decimal | None = None,
) -> Order:
    """Act on a leg, or on a planned payment by its name, in a manager's name; the timeline keeps the reason.

    `retry` sends the leg's request again under the same attempt, or begins anew under new attempts when the leg failed
    and holds nothing; `take_over` makes the actor the owner; `cancel` cancels the order; `skip` (admins) goes on
    without the leg; `accept` (at `amount`, or what the buyer asks for) or `refuse` a trade-in; `settle` says that one
    went back, or pays what is owed for it. Raises NotFound, SteeringNotYours, SteeringRefused (with what is
    allowed), InvalidInput, FourEyes (it is their own order), CarHasQueue (others wait for what it would hold), Waits.
    """
    _refuse_action(action, reason, actor)
    with transaction("orders"):
        saga = Saga.load(order_id, now)
        if saga is None or saga.order.deleted_at is not None:
            raise NotFound
        chosen, part = _find(saga, leg)
        if not _may(action, saga, chosen, actor):
            raise SteeringRefused(allowed=allowed_actions(saga, chosen, actor))
        refuse_own(saga.order, actor)
        data = {"leg": leg, "state": chosen.state, "attempt_id": str(chosen.attempt_id)}
        record_steering(saga, f"{leg}.{_TOLD[action]}", actor=actor, reason=reason, now=now, data=data)
        if action == SteeringAction.CANCEL:
            move_saga(saga, Status.CANCELLED, actor=actor, reason=reason)
        else:
            _act(action, saga, chosen, Said(actor, reason, amount, part))
            return_excess(saga, "overpaid")
        saga.save()
    return saga.order


def _refuse_action(action: str, reason: str, actor: Actor) -> None:
    """Refuse an action that is unknown, not the actor's or without a reason."""
    if not actor.roles & STAFF or not _is_for(action, actor):
        raise SteeringNotYours
    if action not in SteeringAction.values:
        raise NotFound
    if not reason.strip():
        raise InvalidInput("reason", "required", _("Say why."))


def _find(saga: Saga, name: str) -> tuple[CheckoutLeg, PlannedPayment | None]:
    """Find a leg by its name, or the payment leg and one of its payments. Raises NotFound."""
    part = PaymentRequest.of(saga.payment).named(name)
    if name in saga.legs:
        return saga.legs[name], part
    if part is None:
        raise NotFound
    return saga.payment, part


def _act(action: str, saga: Saga, leg: CheckoutLeg, said: Said) -> None:
    """Do what a manager said, and go where that leads."""
    if action == SteeringAction.RETRY:
        _retry(saga, leg)
    elif action == SteeringAction.TAKE_OVER:
        let(CHECKOUT)
        saga.checkout.owner_id = said.actor.id
    else:
        saga.go(leg.kind, LEGS[leg.kind].steers[action].act(saga, leg, said))


def _retry(saga: Saga, leg: CheckoutLeg) -> None:
    """News that could not be taken in comes first: the answer may be among it."""
    let(CHECKOUT)
    if saga.can_restart(leg):
        _refuse_overtaking(saga)
        saga.restart()
    elif waiting := parked_news(saga.order.id):
        parked.retry("orders", waiting, now=saga.now)
        saga.unpark()
    else:
        saga.ask_again(leg)


def _refuse_overtaking(saga: Saga) -> None:
    """Refuse a new hold before those who wait: what the order held is given back, and theirs. Raises CarHasQueue."""
    if saga.stock.state == LegState.SUCCEEDED:
        return
    wanted: dict[UUID, int] = {}
    for line in saga.lines:
        if line.product_id is not None:
            wanted[line.product_id] = wanted.get(line.product_id, 0) + line.quantity
    lock_queues(wanted)
    refuse_queued(wanted, is_held=True)


_TOLD: dict[str, str] = {
    SteeringAction.RETRY: "retried",
    SteeringAction.TAKE_OVER: "taken_over",
    SteeringAction.CANCEL: "cancelled",
    SteeringAction.SKIP: "skipped",
    SteeringAction.ACCEPT: "accepted",
    SteeringAction.REFUSE: "refused",
    SteeringAction.SETTLE: "settled",
}


# Done once a second person agreed -------------------------------------------------------------------------------
def value_agreed(
    *, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, leg: str, amount: Decimal, reason: str
) -> None:
    """Credit a car taken in exchange at the value agreed to. Raises what `steer_checkout` does."""
    steer_checkout(
        order_id=subject_id,
        action=SteeringAction.ACCEPT,
        leg=leg,
        reason=reason,
        amount=amount,
        actor=as_maker(maker_id),
        now=now,
    )


def price_agreed(*, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, leg: str, reason: str) -> None:
    """Pay what is owed for a car taken in exchange, as agreed to. Raises what `steer_checkout` does."""
    settle, actor = SteeringAction.SETTLE, as_maker(maker_id)
    steer_checkout(order_id=subject_id, action=settle, leg=leg, reason=reason, actor=actor, now=now)


def skip_agreed(*, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, leg: str, reason: str) -> None:
    """Go on without policies that are paid for, as agreed to. Raises what `steer_checkout` does."""
    actor = Actor(maker_id, frozenset({ADMIN}))
    steer_checkout(order_id=subject_id, action=SteeringAction.SKIP, leg=leg, reason=reason, actor=actor, now=now)


# News that could not be taken in --------------------------------------------------------------------------------
def parked_news(order_id: UUID) -> list[int]:
    """Deliveries to an order's checkout that used up their retries, by their numbers in the inbox."""
    found = InboxEvent.objects.using("orders").filter(
        handler=HANDLER, partition_key=str(order_id), status=DeliveryStatus.DEAD
    )  # fmt: skip
    return list(found.order_by("rn").values_list("rn", flat=True))


def attend_checkouts(*, now: datetime, order_id: UUID | None = None) -> int:
    """Park the checkouts (or the one named) whose news cannot be taken in, let go on those whose news was.

    Returns how many were looked at. A delivery that is parked stops its order's partition, so nothing else would tell.
    """
    stuck = InboxEvent.objects.using("orders").filter(handler=HANDLER, status=DeliveryStatus.DEAD)
    if order_id is not None:
        ids = {order_id}
    else:
        waiting = Checkout.objects.filter(state=SagaState.PARKED, failure__parked__cause=DELIVERY_PARKED)
        ids = {UUID(key) for key in stuck.values_list("partition_key", flat=True).distinct()}
        ids |= set(waiting.values_list("order_id", flat=True))
    for one in sorted(ids):
        _attend(one, now)
    return len(ids)


def _attend(order_id: UUID, now: datetime) -> None:
    with transaction("orders"):
        saga = Saga.load(order_id, now)
        if saga is None:
            return
        news = InboxEvent.objects.using("orders").filter(rn__in=parked_news(order_id)).order_by("rn").first()
        cause = ((saga.checkout.failure or {}).get("parked") or {}).get("cause")
        if news is not None:
            saga.park(DELIVERY_PARKED, f"{news.type}: {parked.last_line(news.last_error)}")
        elif cause == DELIVERY_PARKED:
            saga.unpark()
        saga.save()
