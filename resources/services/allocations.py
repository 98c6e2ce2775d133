"""Allocations: never more than there is at any instant, decided under the resource's row lock."""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError

from core.db import transaction
from messaging.outbox import publish
from resources.errors import AllocationClash, AllocationNotFound, EndsBeforeStart
from resources.events import ResourceAllocated, ResourceReleased
from resources.models import Allocation, Resource
from resources.occupancy import in_the_way, peak
from resources.services.inventory import describe, lock_resource


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

    Raises ResourceNotFound, EndsBeforeStart, AllocationClash (naming the bookings in the way).
    """
    if end <= start:
        raise EndsBeforeStart
    try:
        with transaction("resources"):
            resource = lock_resource(resource_id)
            _require_free(resource, start, end, quantity)
            allocation = Allocation.objects.create(
                resource=resource,
                starts_at=start,
                ends_at=end,
                quantity=quantity,
                is_exclusive=resource.quantity == 1,
                event_id=event_id,
                allocated_by=allocated_by,
                created_at=now,
            )
            _publish_allocated(allocation)
    except IntegrityError as error:
        raise AllocationClash([], available=0) from error
    return allocation


def release(*, allocation_id: UUID, now: datetime) -> Allocation:
    """Give an allocation back. Publishes ResourceReleased. Raises AllocationNotFound, AlreadyReleased."""
    with transaction("resources"):
        allocation = Allocation.objects.select_for_update().filter(pk=allocation_id).first()
        if allocation is None:
            raise AllocationNotFound
        _release(allocation, now)
    return allocation


def release_for_happening(*, event_id: UUID, now: datetime) -> None:
    """Give back everything that was taken for a happening. Publishes ResourceReleased for each."""
    with transaction("resources"):
        taken = Allocation.objects.select_for_update().active().filter(event_id=event_id)
        for allocation in taken.order_by("pk"):
            _release(allocation, now)


def _release(allocation: Allocation, now: datetime) -> None:
    allocation.release(now=now)
    allocation.save()
    publish(ResourceReleased(resource_id=allocation.resource_id, allocation_id=allocation.id))


def _require_free(resource: Resource, start: datetime, end: datetime, quantity: int) -> None:
    bookings = list(resource.allocations.active().overlapping(start, end).order_by("starts_at", "id"))
    available = max(0, resource.quantity - peak(bookings, start, end))
    if quantity > available:
        clashes = in_the_way(bookings, start, end, most=max(0, resource.quantity - quantity))
        raise AllocationClash(describe(clashes), available=available)


def _publish_allocated(allocation: Allocation) -> None:
    publish(
        ResourceAllocated(
            resource_id=allocation.resource_id,
            allocation_id=allocation.id,
            start_time=allocation.starts_at,
            end_time=allocation.ends_at,
            quantity=allocation.quantity,
            event_id=allocation.event_id,
        )
    )
