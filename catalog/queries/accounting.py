"""Movements of stock for accounting: each change of what is on hand, with its product; nobody is named."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from catalog.models import StockMovement
from core.files.accounting import MOVED, ON_HAND, Contribution, Goods, Operation, Paper, Section, Span
from core.money import DEFAULT_CURRENCY, ZERO

CHUNK = 500
SLACK = timedelta(days=1)
"""Room between a movement's moment and that of its id."""


def count_movements(span: Span) -> int:
    """Count movements of stock."""
    return _movements(span).count()


def read_movements(span: Span) -> Iterator[Paper]:
    """Read movements of stock, oldest first; the quantity is what came, below zero what went."""
    reached = Q()
    while rows := list(_movements(span).filter(reached).select_related("product").order_by("created_at", "id")[:CHUNK]):
        yield from map(_paper, rows)
        last = rows[-1]
        reached = Q(created_at=last.created_at, id__gt=last.id) | Q(created_at__gt=last.created_at)


def _movements(span: Span) -> "QuerySet[StockMovement]":
    """Movements within the span, found by their ids, whose first bits are their moment (RFC 9562, 5.7)."""
    rows = StockMovement.objects.filter(created_at__gte=span.begins, created_at__lt=span.ends)
    return rows.filter(id__gte=_first_id(span.begins - SLACK), id__lt=_first_id(span.ends + SLACK))


def _first_id(moment: datetime) -> UUID:
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _paper(movement: StockMovement) -> Paper:
    product = movement.product
    return Paper(
        id=movement.id,
        number=f"S-{movement.id.hex[-12:]}",
        at=movement.created_at,
        operation=Operation.OTHER,
        kind=movement.kind,
        currency=DEFAULT_CURRENCY,
        amount=ZERO,
        goods=(
            Goods(
                id=str(product.pk), sku=product.sku, name=product.name, vin=product.vin, quantity=movement.delta
            ),
        ),
        notes={MOVED: "Приход" if movement.delta > 0 else "Расход", ON_HAND: str(movement.on_hand_after)},
    )  # fmt: skip


ACCOUNTING = (Contribution(section=Section.STOCK, count=count_movements, read=read_movements),)
