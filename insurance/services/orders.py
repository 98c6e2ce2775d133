"""Fill in what insurance has to know of orders from before it noted their goods, and look at what was insured then."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connections

from core.db import transaction
from core.errors import InvalidInput
from insurance.models import OrderCopy, Policy
from insurance.models.policies import ALIVE
from insurance.queries.vehicles import car_of_order

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


def policies_of_other_cars() -> Iterator[Policy]:
    """Find policies in force that were bought with an order, and are for no car of it."""
    bought = Policy.objects.filter(status__in=ALIVE, order_id__isnull=False).order_by("pk")
    left = bought.iterator(chunk_size=CHUNK)
    while rows := list(islice(left, CHUNK)):
        yield from _strangers(rows)


def _strangers(policies: Sequence[Policy]) -> Iterator[Policy]:
    goods = dict(OrderCopy.objects.filter(pk__in=[one.order_id for one in policies]).values_list("pk", "products"))
    for policy in policies:
        try:
            car_of_order(goods.get(policy.order_id or policy.id) or [], policy.vehicle_vin)
        except InvalidInput:
            yield policy
