"""Show an order's cost and gross to those who may see them: beside the document that everybody is shown.

What buyers are shown is read, kept at hand and told without any of it, so that nothing can leak from there.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from core.db import fetch

_COSTS = """
SELECT o.id,
    coalesce((SELECT json_object_agg(g.id, json_build_object('cost', g.cost::text, 'gross', g.gross::text))
              FROM gross g WHERE g.order_id = o.id), '{}')::text,
    (SELECT CASE WHEN bool_and(g.gross IS NOT NULL) THEN sum(g.gross) END FROM gross g WHERE g.order_id = o.id)
FROM orders_order o WHERE o.id = ANY(%s)"""
_GROSS = """WITH gross AS (
    SELECT l.id, l.order_id, l.cost, CASE
        WHEN l.kind = 'policy' THEN 0
        WHEN l.kind = 'free' OR l.cost IS NOT NULL THEN
            l.line_total - l.vat_amount - coalesce(l.cost, 0) * l.quantity END AS gross
    FROM orders_orderline l WHERE l.order_id = ANY(%s))"""
"""What each line leaves over: a policy is its insurer's sale, and a manager's own line has no cost in the books."""


def with_costs(bodies: Sequence[bytes], ids: Sequence[UUID]) -> list[bytes]:
    """Return the documents of orders as somebody who may see costs sees them."""
    known = {row[0]: row[1:] for row in fetch("orders", _GROSS + _COSTS, [list(ids), list(ids)])}
    pairs = zip(bodies, ids, strict=True)
    return [_add(body, known[order_id]) if order_id in known else body for body, order_id in pairs]


def _add(body: bytes, known: tuple[Any, ...]) -> bytes:
    lines, gross_total = known
    document = msgspec.json.decode(body)
    costs = msgspec.json.decode(lines)
    for item in document["items"]:
        item |= costs.get(item["id"], {})
    document["gross_total"] = gross_total
    return msgspec.json.encode(document)
