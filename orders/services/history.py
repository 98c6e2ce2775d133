"""The one place where an order's timeline and its live feed are written, so that they cannot differ."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core import context
from messaging.outbox import publish
from orders.events import OrderStatusChanged
from orders.models import SYSTEM, HistoryKind, Order, OrderHistory


@dataclass(frozen=True)
class Actor:
    """Who acts: a user's id and roles, or the system, which has the zero id."""

    id: UUID
    roles: frozenset[str]

    @property
    def role(self) -> str:
        """The strongest role, for the record."""
        return next((role for role in ("admin", "manager", "client") if role in self.roles), SYSTEM)


SYSTEM_ACTOR = Actor(UUID(int=0), frozenset({SYSTEM}))


def record_status(
    order: Order, previous: str | None, *, actor: Actor, reason: str, now: datetime, data: dict[str, Any] | None = None
) -> None:
    """Write a change of status to the timeline and publish it; its sequence number is the feed's `seq`."""
    shown = {"amount_paid": str(order.amount_paid), "amount_due": str(order.amount_due)} | (data or {})
    _write(order, HistoryKind.STATUS, f"order.{order.status}", previous, actor, reason, now, shown)
    publish(
        OrderStatusChanged(
            order_id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            status=order.status,
            previous=previous,
            at=now,
            reason=reason,
            actor=actor.role,
            data=shown,
        )
    )


def record_step(
    order: Order, event: str, *, now: datetime, reason: str = "", data: dict[str, Any] | None = None
) -> None:
    """Write a step of the saga to the timeline."""
    _write(order, HistoryKind.STEP, event, order.status, SYSTEM_ACTOR, reason, now, data or {})


def record_steering(
    order: Order, event: str, *, actor: Actor, reason: str, now: datetime, data: dict[str, Any]
) -> None:
    """Write to the timeline what a manager did with the checkout, and why."""
    _write(order, HistoryKind.STEP, event, order.status, actor, reason, now, data)


def record_edit(order: Order, *, actor: Actor, now: datetime, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Write a change of content to the timeline, before and after."""
    _write(order, HistoryKind.EDIT, "order.edited", order.status, actor, "", now, {"before": before, "after": after})


def _write(
    order: Order,
    kind: str,
    event: str,
    previous: str | None,
    actor: Actor,
    reason: str,
    now: datetime,
    data: dict[str, Any],
) -> None:
    OrderHistory.objects.create(
        order_id=order.id,
        kind=kind,
        status=order.status,
        previous=previous,
        event=event,
        reason=reason,
        actor_id=actor.id,
        actor_role=actor.role,
        data=data,
        request_id=context.current().get("request_id", ""),
        at=now,
    )
