"""Find movements of money without their receipt, and receipts that do not say what was moved."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections

from core.plugins import Disagreement

_OWED = """
SELECT e.id, e.kind, coalesce(p.amount, r.amount, o.amount) AS amount FROM (
    SELECT e.id, e.kind, e.payment_id, e.refund_id, e.payout_id, e.created_at FROM payments_ledgerentry AS e
    WHERE e.kind IN ('charge', 'refund', 'refund_returned', 'payout') AND e.created_at >= %s AND e.created_at < %s
) AS e
LEFT JOIN payments_payment AS p0 ON p0.id = e.payment_id
LEFT JOIN payments_payment AS p ON p.id = e.payment_id AND e.kind = 'charge'
LEFT JOIN payments_refund AS r ON r.id = e.refund_id
LEFT JOIN payments_payout AS o ON o.id = e.payout_id
WHERE p0.provider <> 'manual' OR o.purpose IN ('policy', 'loan', 'ticket', 'trade_in')
"""
"""Movements online from a person or to one, in a span of time, with what was moved; docs/receipts.md says why these."""

_MISSING = f"""
SELECT m.id FROM ({_OWED}) AS m
WHERE NOT EXISTS (SELECT FROM payments_receipt AS f WHERE f.cause_id = m.id) ORDER BY m.id LIMIT %s
"""

_SOLD = """
SELECT e.id FROM payments_ledgerentry AS e
WHERE e.kind = 'sale' AND e.created_at >= %s AND e.created_at < %s
  AND NOT EXISTS (SELECT FROM payments_receipt AS f WHERE f.cause_id = e.id)
  AND EXISTS (
    SELECT FROM payments_receipt AS f JOIN payments_payment AS p ON p.id = f.payment_id
    JOIN payments_receiptline AS l ON l.receipt_id = f.id
    WHERE f.order_id = e.order_id AND f.operation = 'sale' AND f.created_at < e.created_at AND l.method IN (1, 2, 3)
      AND p.amount - p.refunded_amount > coalesce((
        SELECT sum(x.amount) FROM payments_receiptline AS x WHERE x.receipt_id = f.id AND x.method = 4), 0)
  )
ORDER BY e.id LIMIT %s
"""
"""Sales of goods that were paid for beforehand, online, and have no receipt of that money's offset."""

_DIFFERENT = f"""
SELECT m.id, m.amount, sum(CASE
    WHEN f.operation IN ('sale', 'purchase') = (m.kind IN ('charge', 'refund_returned') OR f0.operation = 'purchase')
    THEN f.amount ELSE -f.amount END) AS said
FROM ({_OWED}) AS m
JOIN payments_receipt AS f ON f.cause_id = m.id AND f.state <> 'replaced'
JOIN payments_receipt AS f0 ON f0.cause_id = m.id AND f0.number = 0
GROUP BY m.id, m.amount HAVING sum(CASE
    WHEN f.operation IN ('sale', 'purchase') = (m.kind IN ('charge', 'refund_returned') OR f0.operation = 'purchase')
    THEN f.amount ELSE -f.amount END) <> m.amount
"""

_LINES = """
SELECT f.id, f.amount, coalesce(sum(l.amount), 0) FROM payments_receipt AS f
LEFT JOIN payments_receiptline AS l ON l.receipt_id = f.id
GROUP BY f.id HAVING coalesce(sum(l.amount), 0) <> f.amount AND f.state NOT IN ('refused', 'replaced')
"""

_REFUSED = "SELECT id, amount, failure_code FROM payments_receipt WHERE state = 'refused'"


def find_missing(since: datetime, until: datetime, *, limit: int = 1000) -> list[UUID]:
    """Find entries of the ledger in a span of time whose receipt nobody has drawn up."""
    return [UUID(str(row[0])) for sql in (_MISSING, _SOLD) for row in _run(sql, since, until, limit)]


def receipt_disagreements() -> list[Disagreement]:
    """Every rouble that was taken or returned online while receipts are made, and has no receipt of as much."""
    return list(_disagree())


def _disagree() -> Iterator[Disagreement]:
    with connections["payments"].cursor() as cursor:
        cursor.execute("SELECT began_at, coalesce(ended_at, clock_timestamp()) FROM payments_fiscalspan")
        spans = cursor.fetchall()
    for since, until in spans:
        for entry_id in find_missing(since, until):
            yield Disagreement("receipt_missing", {"entry": str(entry_id)}, "money was moved online without a receipt")
        for entry_id, moved, said in _run(_DIFFERENT, since, until):
            detail = f"{moved} was moved, its receipts say {said}"
            yield Disagreement("receipt_differs", {"entry": str(entry_id)}, detail)
    for receipt_id, amount, lines in _run(_LINES):
        yield Disagreement("receipt_lines_differ", {"receipt": str(receipt_id)}, f"{amount}, its lines sum to {lines}")
    for receipt_id, amount, code in _run(_REFUSED):
        yield Disagreement("receipt_refused", {"receipt": str(receipt_id)}, f"{amount} is without a receipt: {code}")


def _run(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connections["payments"].cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
