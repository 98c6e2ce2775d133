"""Answer what stands in stock, for the desk in the morning."""

from dataclasses import dataclass
from decimal import Decimal

from core.db import fetch

MOST = 20_000
BOUNDS = (30, 90, 180)
"""Days on the lot that part the stock by age."""
_STOCK = """
SELECT count(*), coalesce(sum(price * greatest(on_hand - reserved, 1)), 0),
       count(*) FILTER (WHERE age < %s), count(*) FILTER (WHERE age >= %s AND age < %s),
       count(*) FILTER (WHERE age >= %s AND age < %s), count(*) FILTER (WHERE age >= %s)
FROM (SELECT price, on_hand, reserved, extract(day FROM now() - created_at) AS age FROM catalog_product
      WHERE is_available AND is_active AND deleted_at IS NULL AND kind = 'vehicle' AND currency = 'RUB'
      ORDER BY id DESC LIMIT %s) AS newest
"""


@dataclass(frozen=True)
class Stock:
    """Cars that can be bought now: how many, their prices in all (roubles), and how many by age (days, up to BOUNDS).

    `is_cut` where only the newest were counted.
    """

    count: int
    value: Decimal
    ages: tuple[int, ...]
    is_cut: bool


def read_stock() -> Stock:
    """Add up at most twenty thousand of the newest cars on sale, by the index of what is for sale."""
    low, middle, high = BOUNDS
    ((count, value, *ages),) = fetch("catalog", _STOCK, [low, low, middle, middle, high, high, MOST])
    return Stock(count, value, tuple(ages), count >= MOST)
