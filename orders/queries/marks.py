"""Read which lines of an order are marked, and which of their pieces have a code."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from core.db import fetch
from orders.models import MarkCode

_LINES = """
SELECT l.id, l.position, l.name, l.sku, l.quantity, coalesce(nullif(c.marking, ''), t.marked_as, '')
FROM orders_orderline AS l
JOIN orders_productcopy AS c ON c.product_id = l.product_id AND c.kind = 'accessory'
LEFT JOIN orders_categorytaxcopy AS t ON t.category_id = c.category_id
WHERE l.order_id = %s ORDER BY l.position
"""
"""Goods of an order with the group that they are of now: the law asks at the handover, not when it was placed."""
_UNMARKED = frozenset({"", "none"})


class PieceMark(msgspec.Struct, frozen=True, kw_only=True):
    """The code of one piece, and who entered it."""

    id: UUID
    piece: int
    code: str
    entered_by: UUID
    entered_at: datetime


class MarkedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of marked goods: the pieces that have their code, and how many have none yet."""

    line_id: UUID
    position: int
    name: str
    sku: str
    marking: str
    quantity: int
    missing: int
    marks: Sequence[PieceMark]


class OrderMarks(msgspec.Struct, frozen=True, kw_only=True):
    """All marked lines of an order, and how many pieces of them have no code yet."""

    order_id: UUID
    missing: int
    lines: Sequence[MarkedLine]


def read_marks(order_id: UUID) -> OrderMarks:
    """Read the marked lines of an order with the codes of their pieces; lines of other goods are left out."""
    found = MarkCode.objects.live().filter(order_id=order_id).order_by("line_id", "piece")
    entered: dict[UUID, list[PieceMark]] = {}
    for row in found:
        mark = PieceMark(
            id=row.id, piece=row.piece, code=row.code, entered_by=row.entered_by, entered_at=row.entered_at
        )
        entered.setdefault(row.line_id, []).append(mark)
    lines = []
    for line_id, position, name, sku, quantity, marking in fetch("orders", _LINES, (order_id,)):
        marks = entered.get(line_id, [])
        if marking in _UNMARKED and not marks:
            continue
        missing = 0 if marking in _UNMARKED else quantity - len(marks)
        lines.append(
            MarkedLine(
                line_id=line_id, position=position, name=name, sku=sku, marking=marking, quantity=quantity,
                missing=missing, marks=marks,
            )
        )  # fmt: skip
    return OrderMarks(order_id=order_id, missing=sum(line.missing for line in lines), lines=lines)


def read_codes(order_id: UUID) -> Mapping[UUID, Sequence[str]]:
    """Read the codes that an order's receipts name, by line, in the order of the pieces."""
    found = MarkCode.objects.told().filter(order_id=order_id).order_by("line_id", "piece")
    codes: dict[UUID, list[str]] = {}
    for line_id, code in found.values_list("line_id", "code"):
        codes.setdefault(line_id, []).append(code)
    return codes
