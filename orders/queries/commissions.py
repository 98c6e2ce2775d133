"""Read commissions: the rules of a day, what each salesman earned in a month, and whether the books hold them all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec
from django.db.models import Sum

from core.db import fetch
from core.plugins import Disagreement
from orders.models import Commission, CommissionKind, CommissionRule

MOST = 500
"""Salesmen of a month that are summed up: the first by what they earned."""


def read_rules(day: date) -> dict[str, CommissionRule]:
    """Return the rule in force on a day of each kind of goods that has one."""
    known = CommissionRule.objects.filter(valid_from__lte=day)
    found = known.order_by("goods", "-valid_from", "-id").distinct("goods")
    return {rule.goods: rule for rule in found}


@dataclass(frozen=True)
class MonthSum:
    """One salesman's month in one currency: sales handed over, earned by them, taken back, corrected, all of it."""

    manager_id: UUID
    currency: str
    sales: int
    earned: Decimal
    reversed: Decimal
    corrected: Decimal
    total: Decimal
    incomplete: int


_MONTH = """
SELECT manager_id, currency, count(*) FILTER (WHERE kind = 'earned'),
    coalesce(sum(amount) FILTER (WHERE kind = 'earned'), 0), coalesce(sum(amount) FILTER (WHERE kind = 'reversed'), 0),
    coalesce(sum(amount) FILTER (WHERE kind = 'corrected'), 0), sum(amount), count(*) FILTER (WHERE NOT is_complete)
FROM orders_commission WHERE day >= %s AND day < %s AND (%s::uuid IS NULL OR manager_id = %s)
GROUP BY 1, 2 ORDER BY 7 DESC, 1, 2 LIMIT %s
"""


def next_month(month: date) -> date:
    """Return the first day of the month after that of a day."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def read_month(month: date, manager_id: UUID | None = None) -> list[MonthSum]:
    """Sum up the month of a day by salesman and currency; with an id that salesman's alone."""
    given = [month.replace(day=1), next_month(month), manager_id, manager_id, MOST]
    return [MonthSum(*row) for row in fetch("orders", _MONTH, given)]


def with_commissions(bodies: Sequence[bytes], ids: Sequence[UUID], manager_id: UUID | None) -> Sequence[bytes]:
    """Return the documents of orders with what they earned; with a salesman's id only what is theirs."""
    found = Commission.objects.filter(order_id__in=ids)
    if manager_id is not None:
        found = found.filter(manager_id=manager_id)
    earned = dict(found.order_by().values_list("order_id").annotate(total=Sum("amount")))
    pairs = zip(bodies, ids, strict=True)
    return [_add(body, earned[order_id]) if order_id in earned else body for body, order_id in pairs]


def _add(body: bytes, amount: Decimal) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(body) | {"commission": str(amount)})


_MISSING = """
SELECT o.id, o.number, o.status, sum(c.amount), count(*) FILTER (WHERE c.kind = 'earned'),
    count(*) FILTER (WHERE c.kind = 'reversed'), count(*) FILTER (WHERE c.manager_id <> o.manager_id)
FROM orders_order o
JOIN LATERAL (
    SELECT h.at FROM orders_orderhistory h
    WHERE h.order_id = o.id AND h.event = 'order.completed' AND h.previous = 'ready' ORDER BY h.id LIMIT 1
) AS given ON true
LEFT JOIN orders_commission c ON c.order_id = o.id
WHERE o.status IN ('completed', 'returning', 'returned') AND o.manager_id IS NOT NULL
    AND EXISTS (SELECT FROM orders_commissionrule r WHERE r.valid_from <= (given.at AT TIME ZONE %s)::date)
GROUP BY 1
HAVING count(*) FILTER (WHERE c.kind = 'earned') <> 1 OR count(*) FILTER (WHERE c.manager_id <> o.manager_id) > 0
    OR (o.status = 'returned') <> (count(*) FILTER (WHERE c.kind = 'reversed') = 1)
    OR (o.status = 'returned' AND sum(c.amount) <> 0) OR sum(c.amount) < 0
"""
"""Sales handed over while a rule was in force whose entries are not those that they have to have."""


def commission_disagreements(zone: str) -> Iterator[Disagreement]:
    """List sales without their commission, with another's, or returned with something left; and those of no sale."""
    for order_id, number, status, total, earned, taken_back, others in fetch("orders", _MISSING, [zone]):
        detail = (
            f"{number} is {status}, {earned} entries earned and {taken_back} taken back, {others} of others: {total}"
        )
        yield Disagreement("commission", {"order_id": str(order_id)}, detail)
    early = Commission.objects.exclude(order__status__in=["completed", "returning", "returned"])
    for row in early.order_by("id").iterator():
        yield Disagreement("commission", {"order_id": str(row.order_id)}, f"{row} of a sale that was not handed over")
    for row in Commission.objects.filter(kind=CommissionKind.EARNED).order_by("id").iterator():
        if Decimal(row.calculation.get("amount", "NaN")) != row.amount:
            yield Disagreement("commission", {"order_id": str(row.order_id)}, f"{row}, its calculation says otherwise")
