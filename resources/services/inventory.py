"""Resources: added, changed, taken off the books."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from core.db import transaction
from core.errors import StaleVersion
from messaging.outbox import publish
from resources.errors import QuantityBelowAllocated, ResourceInUse, ResourceNotFound, UnknownType
from resources.events import ResourceCreated, ResourceUpdated
from resources.models import Allocation, Resource, ResourceType
from resources.occupancy import in_the_way


class ResourceFields(TypedDict, total=False):
    """What a manager may write on a resource."""

    name: str
    type_id: UUID
    description: str
    quantity: int


def add_resource(*, fields: ResourceFields, now: datetime) -> Resource:
    """Add a resource. Publishes ResourceCreated. Raises UnknownType."""
    with transaction("resources"):
        _check_type(fields)
        resource = Resource.objects.create(**fields, created_at=now, updated_at=now)
        publish(ResourceCreated(resource_id=resource.id, name=resource.name, quantity=resource.quantity))
    return resource


def update_resource(
    *, resource_id: UUID, changes: ResourceFields, now: datetime, expected_version: int | None = None
) -> Resource:
    """Change a resource; a change of nothing publishes nothing. Publishes ResourceUpdated.

    Raises ResourceNotFound, UnknownType, QuantityBelowAllocated, StaleVersion.
    """
    with transaction("resources"):
        resource = lock_resource(resource_id, expected_version)
        _check_type(changes)
        if resource.change(dict(changes), now=now):
            if "quantity" in changes:
                _fit_bookings(resource, now)
            resource.save()
            publish(ResourceUpdated(resource_id=resource.id, name=resource.name, quantity=resource.quantity))
    return resource


def delete_resource(*, resource_id: UUID, now: datetime, expected_version: int | None = None) -> None:
    """Hide a resource without bookings ahead. Raises ResourceInUse, ResourceNotFound, StaleVersion."""
    with transaction("resources"):
        resource = lock_resource(resource_id, expected_version)
        ahead = list(resource.allocations.active().overlapping(now, None).order_by("starts_at", "id"))
        if ahead:
            raise ResourceInUse(clashes=describe(ahead))
        resource.deleted_at = now
        resource.touch(now)
        resource.save()


def lock_resource(resource_id: UUID, expected_version: int | None = None) -> Resource:
    """Lock a resource's row for the open transaction. Raises ResourceNotFound, StaleVersion."""
    resource = Resource.objects.select_for_update().present().filter(pk=resource_id).first()
    if resource is None:
        raise ResourceNotFound
    if expected_version not in (None, resource.version):
        raise StaleVersion
    return resource


def describe(allocations: list[Allocation]) -> list[dict[str, object]]:
    """Allocations as a refusal names them."""
    return [
        {"id": str(item.id), "start_time": item.starts_at, "end_time": item.ends_at, "quantity": item.quantity}
        for item in allocations
    ]


def _check_type(fields: ResourceFields) -> None:
    type_id = fields.get("type_id")
    if type_id is not None and not ResourceType.objects.select_for_update().filter(pk=type_id).exists():
        raise UnknownType


def _fit_bookings(resource: Resource, now: datetime) -> None:
    """Refuse a quantity below what is booked ahead; let the database guard single units, and only those."""
    ahead = list(resource.allocations.active().overlapping(now, None).order_by("starts_at", "id"))
    clashes = in_the_way(ahead, now, None, most=resource.quantity)
    if clashes:
        raise QuantityBelowAllocated(clashes=describe(clashes))
    is_single = resource.quantity == 1
    bookings = resource.allocations.active().exclude(is_exclusive=is_single)
    (bookings.overlapping(now, None) if is_single else bookings).update(is_exclusive=is_single)
