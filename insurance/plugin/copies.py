"""Copy what insurance needs of the catalogue, and check the copy against its source."""

from collections.abc import Iterator
from uuid import UUID

from catalog.public import VehicleState, vehicle_states
from insurance.models import VehicleCopy
from messaging.upkeep.copies import declare_check

CHUNK = 2000
_COLUMNS = ("product_id", "vin", "make", "year", "power_hp", "price", "currency", "is_active")


def copied_vehicles() -> Iterator[tuple[UUID, VehicleState]]:
    """Every car that insurance has heard of, by id, some thousands at a time."""
    reached = UUID(int=0)
    copies = VehicleCopy.objects.order_by("product_id").values_list(*_COLUMNS)
    while rows := list(copies.filter(product_id__gt=reached)[:CHUNK]):
        reached = rows[-1][0]
        yield from ((row[0], VehicleState(*row[1:])) for row in rows)


declare_check(
    "insurance.VehicleCopy", source=vehicle_states, copy=copied_vehicles, handlers=["insurance.copy_vehicles"]
)
