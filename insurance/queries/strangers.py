"""Find policies that were bought with an order for a car that is none of it."""

from collections.abc import Iterator, Sequence
from itertools import islice

from core.errors import InvalidInput
from insurance.models import OrderCopy, Policy
from insurance.models.policies import ALIVE
from insurance.queries.vehicles import car_of_order

CHUNK = 1000


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
