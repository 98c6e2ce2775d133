"""Read what orders knows of cars taken in exchange, for checking the books."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from core.plugins import Disagreement
from orders.models import OrderHistory, TradeIn


@dataclass(frozen=True)
class TradeInFacts:
    """A car taken in exchange at `amount`; `state` is taken, leaving, left or kept."""

    order_id: UUID
    state: str
    amount: Decimal
    paid_amount: Decimal


def trade_ins() -> Iterator[TradeInFacts]:
    """Read every car that was taken in at a handover, for checking the books."""
    columns = ("order_id", "state", "amount", "paid_amount")
    for row in TradeIn.objects.order_by("pk").values_list(*columns).iterator(chunk_size=500):
        yield TradeInFacts(*row)


def trade_in_disagreements() -> Iterator[Disagreement]:
    """Find orders that were handed over against a car which nobody took in."""
    done = OrderHistory.objects.filter(event="order.completed", data__has_key="trade_in", order__trade_in=None)
    for order_id, data in done.filter(order__trade_in_credit__gt=0).values_list("order_id", "data"):
        yield Disagreement("trade_in_not_taken", {"order_id": str(order_id)}, f"{data['trade_in']} was credited")
