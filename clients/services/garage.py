"""The garage: which cars a client has, by VIN, from completed orders, from policies and by hand."""

from datetime import datetime
from uuid import UUID

from clients.errors import VehicleExists, VehicleNotFound
from clients.models import Client, Vehicle, VehicleSource
from clients.queries.finding import list_customer_ids
from clients.services.finding import lock_client, lock_holder
from core.db import transaction
from core.errors import InvalidInput
from core.vin import WRONG, fold_vin, is_vin


def add_vehicle(*, client_id: UUID, vin: str, now: datetime, name: str = "", plate: str = "") -> Vehicle:
    """Enter a client's car; one that had left comes back. Raises ClientNotFound, InvalidInput, VehicleExists."""
    folded = fold_vin(vin)
    if not is_vin(folded):
        raise InvalidInput("vin", "invalid", str(WRONG))
    with transaction("clients"):
        client = lock_client(client_id)
        known = _lock_vehicle(client, vin=folded)
        if known is None:
            known = Vehicle(
                customer_id=lock_holder(client_id).customer_id, vin=folded, source=VehicleSource.MANUAL, since=now
            )
        elif known.left_at is None:
            raise VehicleExists
        known.left_at, known.name, known.plate = None, name or known.name, plate or known.plate
        known.save()
    return known


def remove_vehicle(*, client_id: UUID, vehicle_id: UUID, now: datetime) -> Vehicle:
    """The client has the car no more; the row stays. Raises ClientNotFound, VehicleNotFound."""
    with transaction("clients"):
        vehicle = _lock_vehicle(lock_client(client_id), id=vehicle_id)
        if vehicle is None or vehicle.left_at is not None:
            raise VehicleNotFound
        vehicle.left_at = now
        vehicle.save()
    return vehicle


def record_vehicle(
    *, customer_id: UUID, vin: str, name: str, source: VehicleSource, source_id: UUID, at: datetime
) -> None:
    """Put a car that was bought or insured into its client's garage, once; who was erased has no garage.

    A sale knows more of a car than a policy or a manager does, whichever was heard of first; one that the client had
    before, and had no more, is theirs again.
    """
    folded = fold_vin(vin)
    if not is_vin(folded) or Client.objects.of_customer(customer_id).filter(erased_at__isnull=False).exists():
        return
    vehicle = Vehicle(
        customer_id=customer_id, vin=folded, name=name[:255], source=source, source_id=source_id, since=at
    )
    told = ["name", "source", "source_id", "since"] if source == VehicleSource.ORDER else []
    options = {"update_conflicts": True, "unique_fields": ["customer_id", "vin"], "update_fields": told}
    with transaction("clients"):
        Vehicle.objects.bulk_create([vehicle], **(options if told else {"ignore_conflicts": True}))
        if told:
            Vehicle.objects.filter(customer_id=customer_id, vin=folded, left_at__lt=at).update(left_at=None)


def give_back_vehicles(*, customer_id: UUID, vins: list[str], at: datetime) -> None:
    """Cars that went back to the dealer are the client's no more, unless they came to them again since."""
    theirs = {customer_id}
    for card in Client.objects.of_customer(customer_id):
        theirs.update(list_customer_ids(card))
    with transaction("clients"):
        gone = Vehicle.objects.filter(customer_id__in=theirs, vin__in=[fold_vin(vin) for vin in vins])
        gone.filter(left_at__isnull=True, since__lte=at).update(left_at=at)


def _lock_vehicle(client: Client, **which: object) -> Vehicle | None:
    rows = Vehicle.objects.select_for_update().filter(customer_id__in=list_customer_ids(client), **which)
    return rows.order_by("left_at", "pk").first()
