"""Changing an order by hand: cancelling it, the steps towards the handover, its comment."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from core.db import transaction
from core.errors import NotFound
from messaging.outbox import publish
from orders.events import OrderCompleted
from orders.models import SOLD, Order, Status
from orders.services.history import Actor, record_edit, record_status
from orders.services.saga import Saga, publish_cancelled

Check = Callable[[int], None]


def any_version(version: int) -> None:
    """The check of a caller who does not mind which version it acts on."""


def load_for(order_id: UUID, actor: Actor, now: datetime) -> Saga:
    """Lock an order that the actor may see; raises NotFound."""
    saga = Saga.load(order_id, now)
    if saga is None or saga.order.deleted_at is not None:
        raise NotFound
    if not actor.roles & {"manager", "admin"} and saga.order.customer_id != actor.id:
        raise NotFound
    return saga


def move_order(
    *, order_id: UUID, status: str, actor: Actor, now: datetime, reason: str = "", check: Check = any_version
) -> Order:
    """Move an order one step. Cancelling undoes its checkout; a paid order is refunded and ends in `refunded`.

    `check` is called with the locked order's version. Raises WrongTransition (with what is allowed),
    TransitionNotYours, NotFound, and what `check` raises.
    """
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        check(saga.order.version)
        previous = saga.order.move(status, roles=actor.roles, now=now)
        record_status(saga.order, previous, actor=actor, reason=reason, now=now)
        if status == Status.CANCELLED:
            _begin_undoing(saga, previous, reason)
        elif status == Status.COMPLETED:
            publish(
                OrderCompleted(order_id=saga.order.id, number=saga.order.number, customer_id=saga.order.customer_id)
            )
        saga.save()
    return saga.order


def _begin_undoing(saga: Saga, previous: str, reason: str) -> None:
    saga.checkout.is_refund = previous in SOLD
    saga.checkout.finished_at = None
    publish_cancelled(saga.order, reason or "cancelled")
    if not saga.checkout.is_undoing:
        saga.compensate()


def edit_comment(*, order_id: UUID, comment: str, actor: Actor, now: datetime, check: Check = any_version) -> Order:
    """Change an order's comment. Raises NotFound."""
    with transaction("orders"):
        order = load_for(order_id, actor, now).order
        check(order.version)
        record_edit(order, actor=actor, now=now, before={"comment": order.comment}, after={"comment": comment})
        order.comment = comment
        order.touch(now)
        order.save()
    return order


def delete_order(*, order_id: UUID, actor: Actor, now: datetime, check: Check = any_version) -> None:
    """Hide an order from every list; its rows stay for the books. Raises NotFound."""
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        check(saga.order.version)
        record_edit(saga.order, actor=actor, now=now, before={"is_deleted": False}, after={"is_deleted": True})
        saga.order.deleted_at = now
        saga.order.touch(now)
        saga.order.save()
