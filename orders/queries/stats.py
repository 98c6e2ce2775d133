"""Sales figures: what the roll-ups and the deltas not yet folded in come to, read by one statement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.db import fetch
from core.money import DEFAULT_CURRENCY, ZERO, money
from core.plugins import Disagreement
from orders.models import SOLD

GROUPS = {"day": "placed_date", "status": "status", "manager": "manager_id"}
_SUMS = "coalesce(sum(orders), 0)::bigint, coalesce(sum(amount), 0)"
_SHOP = """(
    SELECT placed_date, status, manager_id, currency, orders, amount FROM orders_orderstat
    UNION ALL SELECT placed_date, status, manager_id, currency, orders, amount FROM orders_statdelta
) AS s WHERE currency = %s
    AND placed_date BETWEEN coalesce(%s::date, '-infinity') AND coalesce(%s::date, 'infinity')"""
_CUSTOMER = """(
    SELECT status, currency, orders, amount FROM orders_customerstat WHERE customer_id = %s
    UNION ALL SELECT status, currency, orders, amount FROM orders_statdelta WHERE customer_id = %s
) AS s WHERE currency = %s"""


@dataclass
class Figures:
    """Orders and their totals in `currency`; `sold` are those paid and not called off since."""

    currency: str
    count: int = 0
    total_amount: Decimal = ZERO
    sold_count: int = 0
    sold_amount: Decimal = ZERO
    by_status: dict[str, int] = field(default_factory=dict)
    amount_by_status: dict[str, Decimal] = field(default_factory=dict)
    groups: list[dict[str, Any]] = field(default_factory=list)

    @property
    def average(self) -> Decimal:
        """Average total of an order."""
        return average(self.total_amount, self.count)


def average(amount: Decimal, count: int) -> Decimal:
    """Amount of one, rounded half up; nothing for none."""
    return money(amount / count) if count else ZERO


def shop_figures(
    *,
    start: date | None = None,
    end: date | None = None,
    group_by: Sequence[str] = (),
    currency: str = DEFAULT_CURRENCY,
) -> Figures:
    """Figures of the shop for orders placed on the dealer's days `start` to `end`, both included.

    `group_by` names any of GROUPS; groups come in that order, empty ones are left out.
    """
    given = [currency, start, end]
    figures = _by_status(fetch("orders", f"SELECT status, {_SUMS} FROM {_SHOP} GROUP BY 1", given), currency)
    if group_by:
        columns = ", ".join(GROUPS[name] for name in group_by)
        query = f"SELECT {columns}, {_SUMS} FROM {_SHOP} GROUP BY {columns} HAVING sum(orders) <> 0 ORDER BY {columns}"
        figures.groups = [_group(group_by, row) for row in fetch("orders", query, given)]
    return figures


def _group(names: Sequence[str], row: tuple[Any, ...]) -> dict[str, Any]:
    *values, count, amount = row
    shown = {"manager_id" if name == "manager" else name: value for name, value in zip(names, values, strict=True)}
    return shown | {"count": count, "total_amount": amount, "average": average(amount, count)}


def customer_figures(customer_id: UUID, *, currency: str = DEFAULT_CURRENCY) -> Figures:
    """Figures of one customer's orders."""
    query = f"SELECT status, {_SUMS} FROM {_CUSTOMER} GROUP BY 1"
    return _by_status(fetch("orders", query, [customer_id, customer_id, currency]), currency)


def _by_status(rows: list[tuple[Any, ...]], currency: str) -> Figures:
    figures = Figures(currency)
    for status, count, amount in sorted(rows):
        if count:
            figures.by_status[status], figures.amount_by_status[status] = count, amount
        figures.count, figures.total_amount = figures.count + count, figures.total_amount + amount
        if status in SOLD:
            figures.sold_count, figures.sold_amount = figures.sold_count + count, figures.sold_amount + amount
    return figures


_COMPARE = """
SELECT coalesce(r.k, s.k), coalesce(r.n, 0), coalesce(s.n, 0), coalesce(r.a, 0), coalesce(s.a, 0) FROM (
    SELECT concat_ws(' ', placed_date, status, currency, manager_id) AS k, count(*) AS n, sum(total_amount) AS a
    FROM orders_order WHERE deleted_at IS NULL GROUP BY 1
) AS r FULL JOIN (
    SELECT concat_ws(' ', placed_date, status, currency, manager_id) AS k, sum(orders) AS n, sum(amount) AS a FROM (
        SELECT placed_date, status, currency, manager_id, orders, amount FROM orders_orderstat
        UNION ALL SELECT placed_date, status, currency, manager_id, orders, amount FROM orders_statdelta
    ) AS every GROUP BY 1
) AS s ON r.k = s.k
WHERE coalesce(r.n, 0) <> coalesce(s.n, 0) OR coalesce(r.a, 0) <> coalesce(s.a, 0) LIMIT 100
"""


def stat_disagreements() -> Iterator[Disagreement]:
    """Roll-ups that differ from the orders they sum up."""
    for key, rows, rolled, amount, rolled_amount in fetch("orders", _COMPARE, []):
        detail = f"{rows} orders of {amount}, rolled up as {rolled} of {rolled_amount}"
        yield Disagreement("order_stats", {"group": key}, detail)
