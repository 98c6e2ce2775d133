"""The small copy of each car of the catalogue, kept by its events; older news never overwrites newer."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connections

from catalog.events import ProductCreated, ProductDeleted, ProductUpdated
from core.db import transaction

VEHICLE = "vehicle"
_UPSERT = """
INSERT INTO insurance_vehiclecopy AS c
    (product_id, vin, make, year, power_hp, price, currency, is_active, version)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::int[], %s::int[], %s::numeric[], %s::text[], %s::bool[],
                     %s::bigint[])
ON CONFLICT (product_id) DO UPDATE SET
    vin = excluded.vin, make = excluded.make, year = excluded.year,
    power_hp = coalesce(excluded.power_hp, c.power_hp), price = excluded.price, currency = excluded.currency,
    is_active = excluded.is_active, version = excluded.version
WHERE excluded.version >= c.version
"""


_FILL = """
INSERT INTO insurance_vehiclecopy AS c
    (product_id, vin, make, year, power_hp, price, currency, is_active, version)
SELECT *, 0 FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::int[], %s::int[], %s::numeric[], %s::text[],
                        %s::bool[])
ON CONFLICT (product_id) DO UPDATE SET power_hp = excluded.power_hp WHERE c.power_hp IS NULL
"""
CHUNK = 2000


def fill_vehicles(*, states: Iterable[tuple[UUID, Any]]) -> int:
    """Fill in the power of cars that no event has told yet, and cars never heard of; returns how many.

    What an event told stands, and every event to come counts for more.
    """
    filled, left = 0, iter(states)
    while rows := list(islice(left, CHUNK)):
        columns = [list(column) for column in zip(*((car, *astuple(state)) for car, state in rows), strict=True)]
        with transaction("insurance"), connections["insurance"].cursor() as cursor:
            cursor.execute(_FILL, columns)
            filled += cursor.rowcount
    return filled


def copy_vehicles(*, events: Sequence[ProductCreated | ProductUpdated | ProductDeleted]) -> None:
    """Copy the newest state of each car named in the events.

    A release before this one says nothing of the power: what is known of it stays.
    """
    changed = {item.product_id: item for item in events if not isinstance(item, ProductDeleted)}
    powers = {
        item.product_id: item.power_hp
        for item in events
        if not isinstance(item, ProductDeleted) and item.power_hp is not None
    }
    rows = sorted((item for item in changed.values() if item.kind == VEHICLE), key=lambda item: item.product_id)
    deleted = [item.product_id for item in events if isinstance(item, ProductDeleted)]
    columns: list[Any] = [
        [item.product_id for item in rows],
        [item.vin for item in rows],
        [item.make for item in rows],
        [item.year for item in rows],
        [powers.get(item.product_id) for item in rows],
        [item.price for item in rows],
        [item.currency for item in rows],
        [item.is_active for item in rows],
        [item.version_number for item in rows],
    ]
    with transaction("insurance"), connections["insurance"].cursor() as cursor:
        if rows:
            cursor.execute(_UPSERT, columns)
        if deleted:
            cursor.execute("UPDATE insurance_vehiclecopy SET is_active = false WHERE product_id = ANY(%s)", [deleted])
