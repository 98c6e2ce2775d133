"""Folding the deltas of sales into their roll-ups; what is counted is the same before and after."""

from django.db import connections

from core.db import transaction

BATCH = 20_000
_FOLD = """
WITH gone AS (
    DELETE FROM orders_statdelta WHERE id IN (
        SELECT id FROM orders_statdelta ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
    ) RETURNING *
), days AS (
    INSERT INTO orders_orderstat AS s (placed_date, status, currency, manager_id, orders, amount)
    SELECT placed_date, status, currency, manager_id, sum(orders), sum(amount) FROM gone GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (placed_date, status, currency, manager_id)
    DO UPDATE SET orders = s.orders + excluded.orders, amount = s.amount + excluded.amount
), customers AS (
    INSERT INTO orders_customerstat AS s (customer_id, status, currency, orders, amount)
    SELECT customer_id, status, currency, sum(orders), sum(amount) FROM gone GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (customer_id, status, currency)
    DO UPDATE SET orders = s.orders + excluded.orders, amount = s.amount + excluded.amount
)
SELECT count(*) FROM gone
"""


def fold_stats(*, batch: int = BATCH) -> int:
    """Fold all deltas in, some thousands at a time; return how many there were."""
    total = 0
    while folded := _fold(batch):
        total += folded
    return total


def _fold(batch: int) -> int:
    with transaction("orders"), connections["orders"].cursor() as cursor:
        cursor.execute(_FOLD, [batch])
        return int(cursor.fetchone()[0])
