"""The one place where an order's timeline and its live feed are written, so that they cannot differ.

Every entry holds what it changed, before and after. The entries of one transaction are written together, at its end:
what changed between two of them belongs to the later one, and what changed after the last one to that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

import msgspec

from core import context
from core.money import money
from messaging.outbox import publish
from orders.events import OrderStatusChanged
from orders.models import SYSTEM, HistoryKind, Order, OrderHistory

State = dict[str, Any]
FIELDS = (
    "status", "total_amount", "total_quantity", "discount_total", "amount_paid", "loan_amount", "trade_in_credit",
    "trade_in_owed", "returned_premiums", "allowance_amount", "allowances", "vat_total",
    "comment", "manager_id", "funding",
    "reservation_expires_at", "hold", "financing_application_id", "policy_ids", "version", "updated_at", "deleted_at",
)  # fmt: skip
"""Columns of an order that change after it is placed."""


@dataclass(frozen=True)
class Actor:
    """Person who acts: a user's id and roles, or the system, which has the zero id."""

    id: UUID
    roles: frozenset[str]

    @property
    def role(self) -> str:
        """The strongest role, for the record."""
        return next((role for role in ("admin", "manager", "client") if role in self.roles), SYSTEM)

    @property
    def is_staff(self) -> bool:
        """Tell whether a manager or an admin acts."""
        return bool(self.roles & {"admin", "manager"})


SYSTEM_ACTOR = Actor(UUID(int=0), frozenset({SYSTEM}))


class Trail:
    """The entries that one transaction adds to an order's timeline, and what each of them changed."""

    def __init__(self, state: State | None) -> None:
        """`state` is the order's as it was read; None for an order that is only just being placed."""
        self._seen = state
        self.entries: list[OrderHistory] = []

    def know(self, name: str, value: Any) -> None:
        """Take in something about the order that is not read each time, before it changes."""
        if self._seen is not None:
            self._seen = self._seen | {name: value}

    def add(self, entry: OrderHistory, state: State) -> None:
        """Add an entry that brought the order into this state."""
        entry.before, entry.after = self._changes(state)
        self.entries.append(entry)

    def close(self, state: State) -> bool:
        """Give what changed since the last entry to that; False when there is none to give it to."""
        if not self.entries:
            return self._seen is None or self._seen == state
        before, after = self._changes(state)
        last = self.entries[-1]
        last.before, last.after = before | last.before, last.after | after
        return True

    def _changes(self, state: State) -> tuple[State, State]:
        if self._seen is None:
            self._seen = state
        old, self._seen = self._seen, state
        changed = [name for name in state if name in old and old[name] != state[name]]
        return _plain(old, changed), _plain(state, changed)


def _plain(state: State, names: list[str]) -> State:
    plain: State = msgspec.to_builtins(
        {name: money(state[name]) if isinstance(state[name], Decimal) else state[name] for name in names}
    )
    return plain


class Recorded(Protocol):
    """An order under lock, with the trail of what happens to it."""

    order: Order
    trail: Trail

    def state(self) -> Mapping[str, Any]:
        """Everything about the order that may change."""


def record_status(
    saga: Recorded,
    previous: str | None,
    *,
    actor: Actor,
    reason: str,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Write a change of status to the timeline and publish it; its sequence number is the feed's `seq`."""
    order = saga.order
    shown = {"amount_paid": str(money(order.amount_paid)), "amount_due": str(order.amount_due)} | (data or {})
    _write(saga, HistoryKind.STATUS, f"order.{order.status}", previous, actor, reason, now, shown)
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
    saga: Recorded, event: str, *, now: datetime, reason: str = "", data: dict[str, Any] | None = None
) -> None:
    """Write a step of the saga to the timeline."""
    _write(saga, HistoryKind.STEP, event, saga.order.status, SYSTEM_ACTOR, reason, now, data or {})


def record_steering(
    saga: Recorded, event: str, *, actor: Actor, reason: str, now: datetime, data: dict[str, Any]
) -> None:
    """Write to the timeline what a manager did with the checkout, and why."""
    _write(saga, HistoryKind.STEP, event, saga.order.status, actor, reason, now, data)


def record_edit(
    saga: Recorded, event: str, *, actor: Actor, now: datetime, reason: str = "", data: dict[str, Any] | None = None
) -> None:
    """Write a change of content to the timeline."""
    _write(saga, HistoryKind.EDIT, event, saga.order.status, actor, reason, now, data or {})


def _write(
    saga: Recorded,
    kind: str,
    event: str,
    previous: str | None,
    actor: Actor,
    reason: str,
    now: datetime,
    data: dict[str, Any],
) -> None:
    order = saga.order
    entry = OrderHistory(
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
    saga.trail.add(entry, dict(saga.state()))
