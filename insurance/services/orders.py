"""Fill in what insurance has to know of orders from before it noted their goods."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connections

from core.db import transaction

_FILL = """
INSERT INTO insurance_ordercopy AS c (order_id, customer_id, products, bank, debt)
VALUES (%s, %s, %s::uuid[], '', 0)
ON CONFLICT (order_id) DO UPDATE SET products = excluded.products WHERE c.products IS NULL
"""
CHUNK = 1000


def fill_orders(*, states: Iterable[tuple[UUID, Any]], tick: Callable[[int], object] | None = None) -> int:
    """Note the goods of orders that nobody has noted yet, and orders never heard of; returns how many.

    What an event told stands. `tick` is told how many orders were looked at.
    """
    filled, left = 0, iter(states)
    while rows := list(islice(left, CHUNK)):
        with transaction("insurance"), connections["insurance"].cursor() as cursor:
            goods = [(order_id, state.customer_id, list(state.products)) for order_id, state in rows]
            cursor.executemany(_FILL, goods)
            filled += cursor.rowcount
        if tick is not None:
            tick(len(rows))
    return filled
