"""An order as it stood at a moment: what its timeline says happened since is taken back from what it is now."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from core.db import fetch
from orders.models.owing import SUMS, compute_due
from orders.queries.reading import COLUMNS, OrderDocument, RawOrder, build_document

READ_ORDER_AND_WHAT_CAME_AFTER = f"""
SELECT {COLUMNS}, (
    SELECT coalesce(json_agg(h.before ORDER BY h.id DESC), '[]')::text FROM orders_orderhistory h
    WHERE h.order_id = o.id AND h.id > coalesce(
        (SELECT max(e.id) FROM orders_orderhistory e WHERE e.order_id = o.id AND e.at <= %s), 0)
) FROM orders_order o WHERE o.id = %s AND o.deleted_at IS NULL AND o.created_at <= %s
"""
"""One statement, so that the order and its timeline belong together."""


def read_order_at(order_id: UUID, at: datetime, *, viewer_id: UUID, is_staff: bool) -> OrderDocument | None:
    """One order as of `at`, if this caller may see it and it had been placed by then."""
    rows = fetch("orders", READ_ORDER_AND_WHAT_CAME_AFTER, [at, order_id, at])
    if not rows or not (is_staff or rows[0][2] == viewer_id):
        return None
    return _taken_back(build_document(rows[0][:-1]), msgspec.json.decode(rows[0][-1]))


def _taken_back(now: RawOrder, changes: list[dict[str, Any]]) -> OrderDocument:
    """Undo the changes, newest first."""
    then: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(now))
    legs = {leg["kind"]: leg for leg in then["saga"]["legs"]}
    for before in changes:
        for name, value in before.items():
            _put(then, legs, name.split("."), value)
    then["amount_due"] = str(compute_due({name: Decimal(then[name]) for name in SUMS}, then["status"]))
    return msgspec.convert(then, OrderDocument, strict=False)


def _put(then: dict[str, Any], legs: dict[str, Any], path: list[str], value: Any) -> None:
    match path:
        case ["saga", name]:
            then["saga"][name] = value
        case ["leg", kind]:
            legs[kind]["state"] = value
        case ["leg", kind, name]:
            legs[kind][name] = value
        case [name] if name in then:
            then[name] = value
