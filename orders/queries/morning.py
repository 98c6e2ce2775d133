"""Read how sales stand, from roll-ups and capped counts alone: what the desk shows in the morning."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from core.clock import dealer_day
from core.db import fetch
from core.money import ZERO
from orders.models import Status
from orders.queries.board import COLUMNS
from orders.queries.stats import shop_figures

DAYS = 30
COUNTED = 1_000
"""Orders of a status are counted so far; beyond it the desk says "more than"."""
_STANDING = """
SELECT s.status, (SELECT count(*) FROM (
    SELECT 1 FROM orders_order WHERE status = s.status AND deleted_at IS NULL LIMIT %s) AS o)
FROM unnest(%s::text[]) AS s (status)
"""


@dataclass(frozen=True)
class Sales:
    """Orders placed in a period from `since` on, and those of them that are sold: how many, and for how much."""

    since: date
    placed: int
    sold: int
    amount: Decimal


@dataclass(frozen=True)
class Morning:
    """Sales of today, of a week and of thirty days; orders by day; open orders by status; sold ones handed over."""

    periods: tuple[Sales, Sales, Sales]
    days: list[tuple[date, int, Decimal]]
    standing: list[tuple[str, int]]
    handed_over: int


def read_morning(*, now: datetime) -> Morning:
    """Read the figures by five statements, whose cost grows with days and statuses, not with orders."""
    today = dealer_day(now)
    first = today - timedelta(days=DAYS - 1)
    whole = shop_figures(start=first, end=today, group_by=["day"])
    by_day = {row["day"]: (row["count"], row["total_amount"]) for row in whole.groups}
    days = [first + timedelta(days=number) for number in range(DAYS)]
    return Morning(
        periods=(_read_sales(today, today), _read_sales(today - timedelta(days=6), today), _read_sales(first, today)),
        days=[(day, *by_day.get(day, (0, ZERO))) for day in days],
        standing=[(status, count) for status, count in fetch("orders", _STANDING, [COUNTED, [*map(str, COLUMNS)]])],
        handed_over=whole.by_status.get(Status.COMPLETED, 0),
    )


def _read_sales(start: date, end: date) -> Sales:
    found = shop_figures(start=start, end=end)
    return Sales(start, found.count, found.sold_count, found.sold_amount)
