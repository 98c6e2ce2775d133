"""An order under lock with its checkout: loading, noting what moves, writing all of it with its timeline."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from orders.models import Checkout, CheckoutLeg, Order, OrderHistory, OrderLine
from orders.services.funding import funding_of
from orders.services.history import FIELDS, Trail, record_step


class LockedOrder:
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
        self.items: list[dict[str, Any]] | None = None
        self.trail = Trail(self.state() if lines is None else None)

    @classmethod
    def load(cls, order_id: UUID, now: datetime) -> "Self | None":
        """Lock the order; None when there is no such order here."""
        order = Order.objects.select_for_update().filter(pk=order_id).first()
        if order is None:
            return None
        checkout = Checkout.objects.get(order_id=order_id)
        return cls(order, checkout, list(CheckoutLeg.objects.filter(checkout_id=order_id)), now)

    def state(self) -> dict[str, Any]:
        """Everything about the order that may change, under the names its timeline uses."""
        state = {name: getattr(self.order, name) for name in FIELDS}
        state |= {f"saga.{name}": getattr(self.checkout, name) for name in ("state", "step", "failure")}
        for kind, leg in self.legs.items():
            state |= {f"leg.{kind}": leg.state, f"leg.{kind}.error": leg.error}
        return state if self.items is None else state | {"items": self.items}

    def fund(self) -> None:
        """Work out anew what pays for the order."""
        self.order.funding = funding_of(self.order, self.checkout, self.legs)

    def save(self) -> None:
        """Write the order, its checkout, the legs that moved, and the timeline."""
        self.fund()
        self.order.save()
        self.checkout.save()
        for leg in self.moved.values():
            leg.save()
        self.write_timeline()

    def write_timeline(self) -> None:
        """Write the entries of this transaction; whatever changed without one is an entry of its own."""
        if not self.trail.close(self.state()):
            record_step(self, "checkout.moved", now=self.now)
        OrderHistory.objects.bulk_create(self.trail.entries)

    def insert(self) -> None:
        """Write a saga that has just begun; its order follows in the same transaction, once it has its number."""
        self.checkout.save(force_insert=True)
        CheckoutLeg.objects.bulk_create(self.legs.values())

    @property
    def lines(self) -> Sequence[OrderLine]:
        """Return what is sold."""
        return self._lines if self._lines is not None else list(self.order.lines.all())

    def mark(self, leg: CheckoutLeg, state: str) -> None:
        """Bring a leg into a state; it is written with the saga."""
        leg.state = state
        self.moved[leg.kind] = leg

    def set_lines(self, lines: Sequence[OrderLine]) -> None:
        """The lines as they are from now on."""
        self._lines = lines

    def note(self, event: str, *, reason: str = "", data: dict[str, Any] | None = None) -> None:
        """Write a step to the timeline."""
        record_step(self, event, now=self.now, reason=reason, data=data)
