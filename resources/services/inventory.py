"""Resources: added, changed, taken off the books."""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, TypedDict
from uuid import UUID

from catalog.public import require_product
from core.db import Expected, require_version, transaction
from messaging.outbox import publish
from resources.errors import HoursOverlap, QuantityBelowAllocated, ResourceInUse, ResourceNotFound, UnknownType
from resources.events import ResourceCreated, ResourceUpdated
from resources.models import Allocation, OpeningHours, Resource, ResourceType, VehicleCopy
from resources.rules.hours import ALL_DAY, Hours
from resources.rules.occupancy import in_the_way


class ResourceFields(TypedDict, total=False):
    """Fields that a manager may write on a resource; buffers in minutes, `opening_hours` replace those there were."""

    name: str
    type_id: UUID
    description: str
    quantity: int
    time_zone: str
    buffer_before: int
    buffer_after: int
    product_id: UUID | None
    opening_hours: list[Hours]


def add_resource(*, fields: ResourceFields, now: datetime) -> Resource:
    """Add a resource. Publishes ResourceCreated. Raises UnknownType, HoursOverlap, InvalidInput (unknown product)."""
    given, hours = _split(fields)
    _check_product(fields)
    with transaction("resources"):
        _check_type(fields)
        resource = Resource(**given, created_at=now, updated_at=now)
        resource.is_sold = is_sold(resource.product_id)
        resource.save(force_insert=True)
        _set_hours(resource, hours or [])
        publish(ResourceCreated(**_described(resource)))
    return resource


def update_resource(
    *, resource_id: UUID, changes: ResourceFields, now: datetime, expected_version: Expected = None
) -> Resource:
    """Change a resource; a change of nothing publishes nothing. Publishes ResourceUpdated.

    Bookings made before keep the buffers and the hours of their time. Raises ResourceNotFound, UnknownType,
    QuantityBelowAllocated, HoursOverlap, StaleVersion, InvalidInput (unknown product).
    """
    given, hours = _split(changes)
    _check_product(changes)
    with transaction("resources"):
        resource = lock_resource(resource_id, expected_version)
        _check_type(changes)
        has_changed = resource.change(given, now=now)
        if "product_id" in changes:
            resource.is_sold = is_sold(resource.product_id)
        if hours is not None and hours != resource.rules():
            _set_hours(resource, hours)
            if not has_changed:
                resource.touch(now)
            has_changed = True
        if has_changed:
            if "quantity" in changes:
                _fit_bookings(resource, now)
            resource.save()
            publish_updated(resource)
    return resource


def is_sold(product_id: UUID | None) -> bool:
    """Tell whether the vehicle that a resource is to be has its buyer.

    What is not known is written down as unsold: whoever hears of its sale at this moment waits, and finds the resource.
    """
    if product_id is None:
        return False
    VehicleCopy.objects.bulk_create([VehicleCopy(product_id=product_id)], ignore_conflicts=True)
    return VehicleCopy.objects.select_for_update().get(pk=product_id).is_sold


def delete_resource(*, resource_id: UUID, now: datetime, expected_version: Expected = None) -> None:
    """Hide a resource without bookings ahead. Publishes ResourceUpdated.

    Raises ResourceInUse, ResourceNotFound, StaleVersion.
    """
    with transaction("resources"):
        resource = lock_resource(resource_id, expected_version)
        ahead = list(resource.allocations.active().overlapping(now, None).order_by("starts_at", "id"))
        if ahead:
            raise ResourceInUse(clashes=describe(ahead))
        resource.deleted_at = now
        resource.touch(now)
        resource.save()
        publish_updated(resource)


def lock_resource(resource_id: UUID, expected_version: Expected = None) -> Resource:
    """Lock a resource's row for the open transaction. Raises ResourceNotFound, StaleVersion."""
    resource = Resource.objects.select_for_update().present().filter(pk=resource_id).first()
    if resource is None:
        raise ResourceNotFound
    require_version(resource.version, expected_version)
    return resource


def publish_updated(resource: Resource) -> None:
    """Tell that a resource changed."""
    publish(
        ResourceUpdated(
            **_described(resource),
            is_in_service=resource.is_in_service,
            is_deleted=resource.deleted_at is not None,
        )
    )


def describe(allocations: list[Allocation]) -> list[dict[str, object]]:
    """Allocations as a refusal names them."""
    return [
        {"id": str(item.id), "start_time": item.starts_at, "end_time": item.ends_at, "quantity": item.quantity}
        for item in allocations
    ]


def _described(resource: Resource) -> dict[str, Any]:
    return {
        "resource_id": resource.id,
        "name": resource.name,
        "quantity": resource.quantity,
        "test_drive_role": resource.type.test_drive_role,
        "product_id": resource.product_id,
        "time_zone": resource.time_zone,
        "is_sold": resource.is_sold,
    }


def _split(fields: ResourceFields) -> tuple[dict[str, Any], list[Hours] | None]:
    given: Mapping[str, Any] = fields
    return {name: value for name, value in given.items() if name != "opening_hours"}, fields.get("opening_hours")


def _set_hours(resource: Resource, hours: list[Hours]) -> None:
    _refuse_overlap(hours)
    resource.opening_hours.all().delete()
    OpeningHours.objects.bulk_create(
        OpeningHours(resource=resource, weekday=rule.weekday, opens_at=rule.opens, closes_at=rule.closes)
        for rule in hours
    )


def _refuse_overlap(hours: list[Hours]) -> None:
    ordered = sorted(hours, key=lambda rule: (rule.weekday, rule.opens))
    for rule in ordered:
        if rule.closes != ALL_DAY and rule.closes <= rule.opens:
            raise HoursOverlap
    for rule, following in pairwise(ordered):
        if rule.weekday == following.weekday and (rule.closes == ALL_DAY or following.opens < rule.closes):
            raise HoursOverlap


def _check_type(fields: ResourceFields) -> None:
    type_id = fields.get("type_id")
    if type_id is not None and not ResourceType.objects.select_for_update().filter(pk=type_id).exists():
        raise UnknownType


def _check_product(fields: ResourceFields) -> None:
    product_id = fields.get("product_id")
    if product_id is not None:
        require_product(product_id, "product_id")


def _fit_bookings(resource: Resource, now: datetime) -> None:
    """Refuse a quantity below what is booked ahead; let the database guard single units, and only those."""
    ahead = list(resource.allocations.active().overlapping(now, None).order_by("starts_at", "id"))
    clashes = in_the_way(ahead, now, None, most=resource.quantity)
    if clashes:
        raise QuantityBelowAllocated(clashes=describe(clashes))
    is_single = resource.quantity == 1
    bookings = resource.allocations.active().exclude(is_exclusive=is_single)
    (bookings.overlapping(now, None) if is_single else bookings).update(is_exclusive=is_single)
