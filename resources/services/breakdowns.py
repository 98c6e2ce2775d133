"""Move bookings away from what breaks down or closes: to an equal resource, or they are given back and told of."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from core.db import Expected, require_version, transaction
from core.errors import DomainError
from messaging.outbox import publish
from resources.errors import (
    AllocationClash,
    AlreadyInService,
    BlackoutNotFound,
    EndsBeforeStart,
    OutOfService,
    ResourceNotFound,
)
from resources.events import BookingBroken, BookingMoved, HandoverPlaceLost, HandoverPlaceMoved
from resources.models import Allocation, Blackout, Resource
from resources.services.allocations import give_back, require_free, take
from resources.services.inventory import describe, lock_resource, publish_updated

BROKEN = "broken"
"""Why bookings are re-planned, unless said otherwise."""


@dataclass
class Replanned:
    """Outcome for the bookings in the way: allocations that moved (old id → new id) and ones given back."""

    moved: dict[UUID, UUID] = field(default_factory=dict)
    released: list[UUID] = field(default_factory=list)


def take_out_of_service(
    *, resource_id: UUID, reason: str, now: datetime, expected_version: Expected = None
) -> tuple[Resource, Replanned]:
    """Stop bookings of a resource and re-plan those ahead; one that has begun goes on.

    Publishes ResourceUpdated, and for each booking what re-planning publishes. Raises ResourceNotFound,
    OutOfService when it already is, StaleVersion.
    """
    with transaction("resources"):
        resource, others = _lock_with_equals(resource_id, expected_version)
        if not resource.is_in_service:
            raise OutOfService(reason=resource.out_of_service_reason)
        resource.is_in_service, resource.out_of_service_reason = False, reason
        resource.touch(now)
        resource.save()
        publish_updated(resource)
        ahead = resource.allocations.active().filter(starts_at__gt=now)
        return resource, replan_bookings(ahead.order_by("starts_at", "id"), others, reason, now)


@dataclass(frozen=True)
class Foreseen:
    """Booking that would be in the way, and the resource that it would move to; none where nothing equal is free."""

    starts_at: datetime
    moves_to: str | None


class _Undone(Exception):
    """Takes back what was tried."""


def foresee_breakdown(*, resource_id: UUID, now: datetime) -> list[Foreseen]:
    """Tell what a breakdown would do to the bookings ahead, in their order, by doing it and undoing it.

    Not to be called inside a transaction, which it would undo. Raises what `take_out_of_service` raises.
    """
    found: list[Foreseen] = []
    with suppress(_Undone), transaction("resources"):
        resource, outcome = take_out_of_service(resource_id=resource_id, reason=BROKEN, now=now)
        ids = [*outcome.moved, *outcome.released]
        starts = dict(resource.allocations.filter(pk__in=ids).values_list("pk", "starts_at"))
        new = Allocation.objects.filter(pk__in=outcome.moved.values()).values_list("pk", "resource__name")
        names = dict(new)
        found = [Foreseen(starts[old], names[now_at]) for old, now_at in outcome.moved.items()]
        found += [Foreseen(starts[one], None) for one in outcome.released]
        raise _Undone
    return sorted(found, key=lambda booking: booking.starts_at)


def return_to_service(*, resource_id: UUID, now: datetime, expected_version: Expected = None) -> Resource:
    """Take bookings again. Publishes ResourceUpdated. Raises ResourceNotFound, AlreadyInService, StaleVersion."""
    with transaction("resources"):
        resource = lock_resource(resource_id, expected_version)
        if resource.is_in_service:
            raise AlreadyInService
        resource.is_in_service, resource.out_of_service_reason = True, ""
        resource.touch(now)
        resource.save()
        publish_updated(resource)
    return resource


def close(
    *, resource_id: UUID, start: datetime, end: datetime, reason: str, now: datetime, replan: bool = False
) -> tuple[Blackout, Replanned]:
    """Close a resource over [start, end). Bookings in the way stop it, or are re-planned when `replan` says so.

    Publishes what re-planning publishes. Raises ResourceNotFound, EndsBeforeStart, AllocationClash.
    """
    if end <= start:
        raise EndsBeforeStart
    with transaction("resources"):
        resource, others = _lock_with_equals(resource_id)
        inside = resource.allocations.active().filter(ends_at__gt=start, starts_at__lt=end).order_by("starts_at", "id")
        if not replan and (clashes := list(inside)):
            raise AllocationClash(describe(clashes), available=0)
        blackout = Blackout.objects.create(
            resource=resource, starts_at=start, ends_at=end, reason=reason, created_at=now
        )
        return blackout, replan_bookings(inside, others, reason, now)


def reopen(*, resource_id: UUID, blackout_id: UUID) -> None:
    """Take a closure back. Raises ResourceNotFound, BlackoutNotFound."""
    with transaction("resources"):
        deleted, _ = lock_resource(resource_id).blackouts.filter(pk=blackout_id).delete()
        if not deleted:
            raise BlackoutNotFound


def _lock_with_equals(resource_id: UUID, expected_version: Expected = None) -> tuple[Resource, list[Resource]]:
    """The resource and the others of its type, locked in one order."""
    of_type = Resource.objects.filter(pk=resource_id).values("type_id")[:1]
    found = Resource.objects.select_for_update(of=("self",)).present().filter(type_id__in=of_type)
    rows = list(found.select_related("type").prefetch_related("opening_hours").order_by("pk"))
    resource = next((row for row in rows if row.id == resource_id), None)
    if resource is None:
        raise ResourceNotFound
    require_version(resource.version, expected_version)
    return resource, [row for row in rows if row.id != resource_id]


def replan_bookings(
    allocations: Iterable[Allocation], others: list[Resource], reason: str, now: datetime, cause: str = BROKEN
) -> Replanned:
    """Move each allocation to an equal resource, or end its whole booking. Publishes BookingMoved, BookingBroken."""
    outcome = Replanned()
    for allocation in allocations:
        substitute = _substitute(allocation, others)
        if substitute is None:
            outcome.released += _break_up(allocation, reason, now, cause)
        else:
            outcome.moved[allocation.id] = _move(allocation, substitute, reason, now, cause).id
    return outcome


def _substitute(allocation: Allocation, others: list[Resource]) -> Resource | None:
    for resource in others:
        try:
            require_free(resource, allocation.starts_at, allocation.ends_at, allocation.quantity)
        except DomainError:
            continue
        return resource
    return None


def _move(allocation: Allocation, to: Resource, reason: str, now: datetime, cause: str) -> Allocation:
    replacement = take(
        to,
        allocation.starts_at,
        allocation.ends_at,
        quantity=allocation.quantity,
        event_id=allocation.event_id,
        booking_id=allocation.booking_id,
        order_id=allocation.order_id,
        allocated_by=allocation.allocated_by,
        now=now,
    )
    allocation.replaced_by = replacement
    give_back(allocation, now)
    if allocation.booking_id and allocation.order_id:
        publish(
            HandoverPlaceMoved(
                booking_id=allocation.booking_id,
                order_id=allocation.order_id,
                resource_id=to.id,
                location=to.name,
                time_zone=to.time_zone,
            )
        )
    elif allocation.booking_id:
        publish(
            BookingMoved(
                booking_id=allocation.booking_id,
                from_resource_id=allocation.resource_id,
                to_resource_id=to.id,
                reason=reason,
                cause=cause,
            )
        )
    return replacement


def _break_up(allocation: Allocation, reason: str, now: datetime, cause: str) -> list[UUID]:
    """Give back the allocation and everything booked with it."""
    if allocation.booking_id is None:
        give_back(allocation, now)
        return [allocation.id]
    together = Allocation.objects.select_for_update().active().filter(booking_id=allocation.booking_id)
    given_back = []
    for part in together.order_by("pk"):
        give_back(part, now)
        given_back.append(part.id)
    if allocation.order_id:
        publish(HandoverPlaceLost(booking_id=allocation.booking_id, order_id=allocation.order_id, reason=reason))
        return given_back
    publish(
        BookingBroken(booking_id=allocation.booking_id, resource_id=allocation.resource_id, reason=reason, cause=cause)
    )
    return given_back
