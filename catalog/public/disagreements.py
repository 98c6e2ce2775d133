"""Say where the catalogue's books disagree with themselves: stock and its movements, the tree and its parents."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import connections

from core.plugins import Disagreement

CHUNK = 2000
"""Products looked at in one statement."""
# Sums are made once: where PostgreSQL takes a table for empty (analyzed while an import had not committed), it would
# make them again for every product.
_DISAGREEMENTS = """
WITH part AS (SELECT id, on_hand, reserved, kind FROM catalog_product WHERE id > %s ORDER BY id LIMIT %s),
moved AS MATERIALIZED (
    SELECT product_id, sum(delta) AS total FROM catalog_stockmovement
    WHERE product_id IN (SELECT id FROM part) GROUP BY product_id
), held AS MATERIALIZED (
    SELECT l.product_id, sum(l.quantity) AS total
    FROM catalog_reservationline l JOIN catalog_reservation r ON r.id = l.reservation_id
    WHERE r.status = 'held' AND l.product_id IN (SELECT id FROM part) GROUP BY l.product_id
)
SELECT p.id, p.on_hand, p.reserved, coalesce(m.total, 0),
       CASE WHEN p.kind = 'service' THEN 0 ELSE coalesce(h.total, 0) END
FROM part p LEFT JOIN moved m ON m.product_id = p.id LEFT JOIN held h ON h.product_id = p.id
ORDER BY p.id
"""
_FIRST_ID = UUID(int=0)


def stock_disagreements() -> list[Disagreement]:
    """Products whose stock is not what its movements and live holds say; deleted ones count too.

    Read some thousands at a time, so that a million products fit; nothing is locked.
    """
    found: list[Disagreement] = []
    reached = _FIRST_ID
    while rows := _stock_rows(reached):
        reached = rows[-1][0]
        found += [item for row in rows for item in _disagreements(*row)]
    return found + _vins_of_two()


_TWO_OWNERS = """
SELECT p.vin, count(*) FROM catalog_reservationline AS l
JOIN catalog_reservation AS r ON r.id = l.reservation_id AND r.status IN ('held', 'sold')
JOIN catalog_product AS p ON p.id = l.product_id AND p.vin <> '' AND p.stage <> 'handed_over'
WHERE l.binds GROUP BY p.vin HAVING sum(l.quantity) > 1 ORDER BY p.vin
"""


def _vins_of_two() -> list[Disagreement]:
    """Return the vehicles that more than one order holds or has bought."""
    with connections["catalog"].cursor() as cursor:
        cursor.execute(_TWO_OWNERS)
        return [
            Disagreement("vin_two_owners", {"vin": vin}, f"{orders} orders hold it or have bought it")
            for vin, orders in cursor.fetchall()
        ]


def _stock_rows(after: UUID) -> list[tuple[Any, ...]]:
    with connections["catalog"].cursor() as cursor:
        cursor.execute(_DISAGREEMENTS, [after, CHUNK])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _disagreements(product_id: UUID, on_hand: int, reserved: int, moved: int, held: int) -> Iterator[Disagreement]:
    ids = {"product_id": str(product_id)}
    if on_hand != moved:
        yield Disagreement("stock_on_hand", ids, f"on hand {on_hand}, its movements add up to {moved}")
    if reserved != held:
        yield Disagreement("stock_reserved", ids, f"reserved {reserved}, live holds add up to {held}")
    if not 0 <= reserved <= on_hand:
        yield Disagreement("stock_negative", ids, f"on hand {on_hand}, reserved {reserved}")


_MISPLACED = """
WITH RECURSIVE tree AS (
    SELECT id, 0 AS level, slug::text AS path, vat_kind AS tax, vat_ground AS ground, marking AS mark
    FROM catalog_category WHERE parent_id IS NULL
    UNION ALL
    SELECT c.id, t.level + 1, t.path || '/' || c.slug,
           CASE WHEN c.vat_kind = '' THEN t.tax ELSE c.vat_kind END,
           CASE WHEN c.vat_kind = '' THEN t.ground ELSE c.vat_ground END,
           CASE WHEN c.marking = '' THEN t.mark ELSE c.marking END
    FROM catalog_category AS c JOIN tree AS t ON c.parent_id = t.id
)
SELECT c.id, c.level, c.path, t.level, t.path, concat_ws(' ', c.taxed_as, c.taxed_ground), concat_ws(' ', tax, ground),
       c.marked_as, mark
FROM catalog_category AS c LEFT JOIN tree AS t ON t.id = c.id
WHERE t.id IS NULL
   OR (c.level, c.path, c.taxed_as, c.taxed_ground, c.marked_as) IS DISTINCT FROM (t.level, t.path, tax, ground, mark)
ORDER BY c.path, c.id
"""


def tree_disagreements() -> list[Disagreement]:
    """Categories that no root leads to (a cycle), or whose level, path, VAT or marking is not what those above say."""
    with connections["catalog"].cursor() as cursor:
        cursor.execute(_MISPLACED)
        return [Disagreement("category_tree", {"category_id": str(pk)}, _compare(*row)) for pk, *row in cursor]


def _compare(
    level: int,
    path: str,
    right_level: int,
    right_path: str | None,
    tax: str,
    right_tax: str,
    mark: str,
    right_mark: str,
) -> str:
    """Say what a category has, and what it should have."""
    if right_path is None:
        return "no root leads here: its parents go round in a circle"
    if (level, path) != (right_level, right_path):
        return f"level {level}, path {path}; should be {right_level}, {right_path}"
    if mark != right_mark:
        return f"its goods are marked as “{mark}”; should be “{right_mark}”"
    return f"its goods are taxed as “{tax.strip()}”; should be “{right_tax.strip()}”"
