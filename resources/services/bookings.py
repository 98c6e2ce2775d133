"""Test drives: a car, a place and a colleague taken together, all or none."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q

from core.db import transaction
from core.errors import DomainError
from messaging.outbox import publish
from resources.errors import NoCrew, ResourceNotFound
from resources.events import BookingMade, BookingRefused
from resources.models import Allocation, DriveRole, Resource
from resources.queries.diary import CREW
from resources.services.allocations import give_back, require_free, take


def book_test_drive(*, booking_id: UUID, car_id: UUID, start: datetime, end: datetime, now: datetime) -> None:
    """Take the car, one place and one colleague over [start, end), or nothing.

    Publishes BookingMade with a ResourceAllocated for each, or BookingRefused. A booking made before stays as it is.
    """
    with transaction("resources"):
        candidates = _lock_candidates(car_id)
        if Allocation.objects.filter(booking_id=booking_id).exists():
            return
        try:
            chosen = _choose(candidates, car_id, start, end)
        except DomainError as refusal:
            publish(BookingRefused(booking_id=booking_id, code=refusal.code))
            return
        for resource in chosen:
            take(resource, start, end, booking_id=booking_id, now=now)
        publish(BookingMade(booking_id=booking_id, resource_ids=[resource.id for resource in chosen]))


def release_booking(*, booking_id: UUID, now: datetime) -> None:
    """Give back everything a booking took. Publishes ResourceReleased for each."""
    with transaction("resources"):
        taken = Allocation.objects.select_for_update().active().filter(booking_id=booking_id)
        for allocation in taken.order_by("pk"):
            give_back(allocation, now)


def _lock_candidates(car_id: UUID) -> list[Resource]:
    """The car and whatever could accompany it, locked in one order so that bookings cannot deadlock."""
    wanted = Q(pk=car_id, type__test_drive_role=DriveRole.CAR) | Q(type__test_drive_role__in=CREW)
    found = Resource.objects.select_for_update(of=("self",)).present().filter(wanted)
    return list(found.select_related("type").prefetch_related("opening_hours").order_by("pk"))


def _choose(candidates: list[Resource], car_id: UUID, start: datetime, end: datetime) -> list[Resource]:
    """The car and the first free one of each role. Raises what stops the car, or NoCrew."""
    cars = (resource for resource in candidates if resource.type.test_drive_role == DriveRole.CAR)
    car = next((resource for resource in cars if resource.id == car_id), None)
    if car is None:
        raise ResourceNotFound
    require_free(car, start, end, 1)
    chosen = [car]
    for role in CREW:
        of_role = [resource for resource in candidates if resource.type.test_drive_role == role]
        if of_role:
            chosen.append(_first_free(of_role, start, end))
    return chosen


def _first_free(resources: list[Resource], start: datetime, end: datetime) -> Resource:
    for resource in resources:
        try:
            require_free(resource, start, end, 1)
        except DomainError:
            continue
        return resource
    raise NoCrew
