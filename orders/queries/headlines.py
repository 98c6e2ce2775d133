"""Name an order in a line, as its buyer knows it: for letters."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from orders.models import LineKind, Order


@dataclass(frozen=True)
class Headline:
    """An order in a line: its number, its first thing (a car before all else), how many more lines, and its total."""

    number: str
    goods: str
    more: int
    total_amount: Decimal
    currency: str


def find_headline(order_id: UUID) -> Headline | None:
    """Return an order in a line, or None where there is none."""
    order = Order.objects.filter(pk=order_id, deleted_at__isnull=True).prefetch_related("lines").first()
    if order is None:
        return None
    lines = [line for line in order.lines.all() if line.kind != LineKind.POLICY]
    first = next((line for line in lines if line.vin), lines[0] if lines else None)
    return Headline(
        number=order.number,
        goods=first.name if first else "",
        more=max(len(lines) - 1, 0),
        total_amount=order.total_amount,
        currency=order.currency,
    )
