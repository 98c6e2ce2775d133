"""Sales figures by what was sold: makes of cars and kinds of goods, read from the lines of orders by one statement."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from core.clock import day_begins
from core.db import fetch
from core.money import DEFAULT_CURRENCY
from orders.models import SOLD

MOST = 200
"""Groups that are read: the first by amount."""
COLUMNS = {
    "kind": "CASE l.kind WHEN 'product' THEN coalesce(p.kind, '') ELSE l.kind END",
    "make": "coalesce(p.make, '')",
}
_SOLD = """
SELECT {column}, sum(l.quantity)::bigint, sum(l.line_total)
FROM orders_order o
JOIN orders_orderline l ON l.order_id = o.id
LEFT JOIN orders_productcopy p ON p.product_id = l.product_id
WHERE o.created_at >= %s AND o.created_at < %s AND o.placed_date BETWEEN %s AND %s
    AND o.status = ANY(%s) AND o.currency = %s AND o.deleted_at IS NULL{more}
GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT %s
"""


@dataclass(frozen=True)
class Sold:
    """Goods of one group that were sold: pieces, and what was agreed for them."""

    name: str
    pieces: int
    amount: Decimal


def read_goods_sold(*, start: date, end: date, group_by: str, currency: str = DEFAULT_CURRENCY) -> list[Sold]:
    """Goods of orders placed on the dealer's days `start` to `end` that are sold, by `kind` or `make` of a car.

    The days bound an index of orders, so that it costs as much as was ordered in them.
    """
    more = " AND p.kind = 'vehicle'" if group_by == "make" else ""
    query = _SOLD.format(column=COLUMNS[group_by], more=more)
    # A day more on either side: an order is read by its moment and kept by its day, and the two are never far apart.
    within = [day_begins(start - timedelta(days=1)), day_begins(end + timedelta(days=2))]
    given = [*within, start, end, sorted(SOLD), currency, MOST]
    return [Sold(*row) for row in fetch("orders", query, given)]
