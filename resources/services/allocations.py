"""Allocations: never more than there is at any instant, decided under the resource's row lock."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError

from core.db import transaction
from messaging.outbox import publish
from resources.errors import (
    AllocationClash,
    AllocationNotFound,
    BlackoutClash,
    EndsBeforeStart,
    OutOfService,
    OutsideOpeningHours,
    PartOfBooking,
    VehicleSold,
)
from resources.events import ResourceAllocated, ResourceReleased
from resources.models import Allocation, Resource
from resources.rules.hours import is_open
from resources.rules.occupancy import in_the_way, peak
from resources.services.inventory import describe, lock_resource
from showroom.public import require_happening


def allocate(
    *,
    resource_id: UUID,
    start: datetime,
    end: datetime,
    quantity: int,
    now: datetime,
    event_id: UUID | None = None,
    allocated_by: UUID | None = None,
) -> Allocation:
    """Take `quantity` units over [start, end). Publishes ResourceAllocated.

    Raises ResourceNotFound, EndsBeforeStart, VehicleSold, OutOfService, OutsideOpeningHours, BlackoutClash,
    AllocationClash (naming the bookings in the way), InvalidInput (unknown event).
    """
    if end <= start:
        raise EndsBeforeStart
    if event_id is not None:
        require_happening(event_id, "event_id")
    try:
        with transaction("resources"):
            resource = lock_resource(resource_id)
            require_free(resource, start, end, quantity)
            return take(resource, start, end, quantity=quantity, event_id=event_id, allocated_by=allocated_by, now=now)
    except IntegrityError as error:
        raise AllocationClash([], available=0) from error


def release(*, allocation_id: UUID, now: datetime) -> Allocation:
    """Give an allocation back. Publishes ResourceReleased.

    Raises AllocationNotFound, AlreadyReleased, PartOfBooking.
    """
    with transaction("resources"):
        allocation = Allocation.objects.select_for_update().filter(pk=allocation_id).first()
        if allocation is None:
            raise AllocationNotFound
        if allocation.booking_id and allocation.released_at is None:
            raise PartOfBooking(booking_id=str(allocation.booking_id))
        give_back(allocation, now)
    return allocation


def release_for_happening(*, event_id: UUID, now: datetime) -> None:
    """Give back everything that was taken for a happening. Publishes ResourceReleased for each."""
    with transaction("resources"):
        taken = Allocation.objects.select_for_update().active().filter(event_id=event_id)
        for allocation in taken.order_by("pk"):
            give_back(allocation, now)


def require_free(
    resource: Resource, start: datetime, end: datetime, quantity: int, *, besides: UUID | None = None
) -> None:
    """Refuse a booking of a locked resource over [start, end) that its rules or other bookings forbid.

    The booking `besides` stands in nobody's way: it is about to be given back. Raises VehicleSold, OutOfService,
    OutsideOpeningHours, BlackoutClash, AllocationClash.
    """
    if resource.is_sold:
        raise VehicleSold
    if not resource.is_in_service:
        raise OutOfService(reason=resource.out_of_service_reason)
    if not is_open(resource.rules(), ZoneInfo(resource.time_zone), start, end):
        raise OutsideOpeningHours
    closed = resource.blackouts.filter(ends_at__gt=start, starts_at__lt=end).order_by("starts_at", "id")
    if closures := [{"id": str(item.id), "reason": item.reason} for item in closed]:
        raise BlackoutClash(blackouts=closures)
    from_, until = resource.busy(start, end)
    others = resource.allocations.active().besides(besides)
    bookings = list(others.overlapping(from_, until).order_by("starts_at", "id"))
    available = max(0, resource.quantity - peak(bookings, from_, until))
    if quantity > available:
        clashes = in_the_way(bookings, from_, until, most=max(0, resource.quantity - quantity))
        raise AllocationClash(describe(clashes), available=available)


def take(
    resource: Resource,
    start: datetime,
    end: datetime,
    *,
    now: datetime,
    quantity: int = 1,
    event_id: UUID | None = None,
    booking_id: UUID | None = None,
    order_id: UUID | None = None,
    allocated_by: UUID | None = None,
) -> Allocation:
    """Write the allocation of a locked resource that was found free. Publishes ResourceAllocated."""
    busy_from, busy_until = resource.busy(start, end)
    allocation = Allocation.objects.create(
        resource=resource,
        starts_at=start,
        ends_at=end,
        busy_from=busy_from,
        busy_until=busy_until,
        quantity=quantity,
        is_exclusive=resource.quantity == 1,
        event_id=event_id,
        booking_id=booking_id,
        order_id=order_id,
        allocated_by=allocated_by,
        created_at=now,
    )
    publish(
        ResourceAllocated(
            resource_id=resource.id,
            allocation_id=allocation.id,
            start_time=start,
            end_time=end,
            quantity=quantity,
            event_id=event_id,
            booking_id=booking_id,
        )
    )
    return allocation


def give_back(allocation: Allocation, now: datetime) -> None:
    """Release a locked allocation. Publishes ResourceReleased. Raises AlreadyReleased."""
    allocation.release(now=now)
    allocation.save()
    publish(ResourceReleased(resource_id=allocation.resource_id, allocation_id=allocation.id))
