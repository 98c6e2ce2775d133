"""An order under lock with its checkout: loading, noting what moves, writing all of it with its timeline."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import UUID

from core.postgres.writing import insert_together, save_together
from messaging.outbox import publish
from orders import events
from orders.models import (
    HANDED_OVER,
    Checkout,
    CheckoutLeg,
    LegKind,
    LegState,
    Order,
    OrderHistory,
    OrderLine,
    SagaState,
)
from orders.queries.marks import read_codes
from orders.rules.funding import compute_funding
from orders.rules.requests import PaymentRequest
from orders.services.history import FIELDS, Trail, record_step
from orders.services.lines import NO_CODES, line_facts

PARKED = {"code": "parked", "detail": "A manager is looking into it."}
"""What the buyer is told meanwhile; the reason is for managers and stands in the leg."""


class LockedOrder:
    """An order under lock, with its checkout and the rows of its legs by their names."""

    ranks: ClassVar[Mapping[str, int]] = {}
    """The legs that there are, by name, in their order."""

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
        self.is_newly_held = False
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
        self.order.funding = compute_funding(self.order, self.checkout, self.legs)

    def save(self) -> None:
        """Write the order, its checkout, the legs that moved, and the timeline."""
        self.fund()
        legs = self.moved.values()
        changed = [self.order, self.checkout, *(leg for leg in legs if not leg._state.adding)]
        save_together("orders", changed=changed, new=[*(leg for leg in legs if leg._state.adding), *self._entries()])

    def write_timeline(self) -> None:
        """Write the entries of this transaction; whatever changed without one is an entry of its own."""
        OrderHistory.objects.bulk_create(self._entries())

    def insert(self, lines: Sequence[OrderLine]) -> None:
        """Write an order that was just placed, with its lines, its checkout and its timeline."""
        insert_together("orders", self.order, *lines, self.checkout, *self.legs.values(), *self._entries())

    def _entries(self) -> list[OrderHistory]:
        if not self.trail.close(self.state()):
            record_step(self, "checkout.moved", now=self.now)
        return self.trail.entries

    @property
    def stock(self) -> CheckoutLeg:
        """The leg that holds the goods; every order has it."""
        return self.legs[LegKind.STOCK]

    @property
    def payment(self) -> CheckoutLeg:
        """The leg that takes the buyer's money; every order has it."""
        return self.legs[LegKind.PAYMENT]

    @property
    def lines(self) -> Sequence[OrderLine]:
        """Return what is sold."""
        return self._lines if self._lines is not None else list(self.order.lines.all())

    def mark(self, leg: CheckoutLeg, state: str) -> None:
        """Bring a leg into a state; it is written with the saga."""
        leg.state = state
        self.moved[leg.kind] = leg

    def agree_to_more(self, amount: Decimal) -> None:
        """Note that the buyer agreed to pay so much more by themselves; below zero it is taken back."""
        request = PaymentRequest.of(self.payment)
        if amount and request.agreed is not None:
            request.agreed += amount
            request.store(self.payment)
            self.mark(self.payment, self.payment.state)

    def add_leg(self, kind: str) -> CheckoutLeg:
        """Let a leg join that was not asked for as the order was placed."""
        self.legs[kind] = CheckoutLeg(checkout=self.checkout, kind=kind, rank=self.ranks[kind])
        return self.legs[kind]

    def close(self, leg: CheckoutLeg, state: str) -> None:
        """End a leg; whatever was parked goes on with it."""
        self.unpark()
        self.mark(leg, state)
        leg.finished_at = self.now

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

    def is_asked(self, kind: str) -> bool:
        """Tell whether a leg waits for the answer to its request, parked or not."""
        leg = self.legs.get(kind)
        if leg is None:
            return False
        return leg.state == LegState.RUNNING or (leg.state == LegState.PARKED and not self.checkout.is_undoing)

    def is_running(self, kind: str, attempt_id: UUID | None) -> bool:
        """Tell whether an answer of this attempt is being waited for."""
        return self.is_asked(kind) and self.legs[kind].attempt_id == attempt_id

    def is_being_undone(self, leg: CheckoutLeg) -> bool:
        """Tell whether a leg was asked to give back what it holds and has not said that it did, parked or not."""
        return leg.state == LegState.COMPENSATING or (leg.state == LegState.PARKED and self.checkout.is_undoing)

    @property
    def cause(self) -> str:
        """Why the checkout is being undone, by code."""
        code: str = (self.checkout.failure or {}).get("code", "cancelled")
        return code

    def set_lines(self, lines: Sequence[OrderLine]) -> None:
        """The lines as they are from now on."""
        self._lines = lines

    def record(self, event: str, *, reason: str = "", data: dict[str, Any] | None = None) -> None:
        """Write a step to the timeline."""
        record_step(self, event, now=self.now, reason=reason, data=data)

    def call_manager(self, leg: str, cause: str, detail: str) -> None:
        """Tell the managers that a leg waits for one of them."""
        publish(
            events.AttentionNeeded(
                order_id=self.order.id, number=self.order.number, leg=leg, cause=cause, detail=detail[:500]
            )
        )

    def publish_updated(self) -> None:
        """Tell everyone the order's lines and totals."""
        order = self.order
        publish(
            events.OrderUpdated(
                order_id=order.id,
                number=order.number,
                customer_id=order.customer_id,
                lines=line_facts(self.lines, read_codes(order.id) if order.status in HANDED_OVER else NO_CODES),
                total_amount=order.total_amount,
                currency=order.currency,
                version_number=order.version,
                amount_payable=order.payable,
                legal_entity_id=order.legal_entity_id,
            )
        )
