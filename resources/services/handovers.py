"""Hand-overs: one place of theirs taken for an order, and exchanged for another time without losing the first."""

from datetime import datetime
from uuid import UUID

from core.db import transaction
from core.errors import DomainError
from messaging.outbox import publish
from resources.errors import NoHandoverPlace
from resources.events import HandoverPlaceBooked, HandoverPlaceRefused
from resources.models import Allocation, Resource
from resources.services.allocations import give_back, require_free, take


def book_handover(
    *, booking_id: UUID, order_id: UUID, start: datetime, end: datetime, now: datetime, replaces: UUID | None = None
) -> None:
    """Take the first free place of hand-overs over [start, end); what `replaces` names is given back for it.

    Publishes HandoverPlaceBooked with the ResourceAllocated, or HandoverPlaceRefused: what it would replace stays as
    it is then. A booking made before stays as it is.
    """
    with transaction("resources"):
        places = _lock_places()
        if Allocation.objects.filter(booking_id=booking_id).exists():
            return
        try:
            place = _choose(places, start, end, replaces)
        except DomainError as refusal:
            publish(HandoverPlaceRefused(booking_id=booking_id, order_id=order_id, code=refusal.code))
            return
        for allocation in _lock_booking(replaces):
            give_back(allocation, now)
        take(place, start, end, booking_id=booking_id, order_id=order_id, now=now)
        publish(
            HandoverPlaceBooked(
                booking_id=booking_id,
                order_id=order_id,
                resource_id=place.id,
                location=place.name,
                time_zone=place.time_zone,
            )
        )


def _lock_places() -> list[Resource]:
    found = Resource.objects.select_for_update(of=("self",)).present().filter(type__is_handover_place=True)
    return list(found.prefetch_related("opening_hours").order_by("pk"))


def _choose(places: list[Resource], start: datetime, end: datetime, replaces: UUID | None) -> Resource:
    """The first place that is free; raises what stops the only one, or NoHandoverPlace."""
    for place in places:
        try:
            require_free(place, start, end, 1, besides=replaces)
        except DomainError:
            if len(places) == 1:
                raise
            continue
        return place
    raise NoHandoverPlace


def _lock_booking(booking_id: UUID | None) -> list[Allocation]:
    if booking_id is None:
        return []
    return list(Allocation.objects.select_for_update().active().filter(booking_id=booking_id).order_by("pk"))
