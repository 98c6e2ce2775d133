"""Find what is free of a resource and when one may book it, with the rules that allocating checks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from core.ids import uuid7
from resources.models import Allocation, DriveRole, Resource
from resources.rules.hours import Stretch, closed_stretches, grid, open_stretches
from resources.rules.occupancy import peak, spans

MAX_SLOTS = 500
"""Slots in one answer."""
MAX_PLACES = 50
"""Places of hand-overs that are looked at."""
CREW = (DriveRole.PLACE, DriveRole.STAFF)
"""What a test drive takes one of besides its car, where the dealership has any."""


@dataclass
class Closed:
    """A stretch when nothing of a resource can be had, as a booking of all of it."""

    busy_from: datetime
    busy_until: datetime
    quantity: int
    id: UUID


class Diary:
    """One resource's hours, closures and bookings over a window, read once."""

    def __init__(self, resource: Resource, start: datetime, end: datetime, *, besides: UUID | None = None) -> None:
        self.resource = resource
        self.zone = ZoneInfo(resource.time_zone)
        self.start, self.end = start, end
        self.rules = resource.rules()
        margin = timedelta(minutes=resource.buffer_before + resource.buffer_after)
        self._open = open_stretches(self.rules, self.zone, start - margin, end + margin)
        self._closed: list[Stretch] = list(
            resource.blackouts.filter(ends_at__gt=start, starts_at__lt=end).values_list("starts_at", "ends_at")
        )
        around = resource.allocations.active().besides(besides).overlapping(start - margin, end + margin)
        self._bookings: list[Allocation] = list(around.order_by("busy_from", "id"))

    def is_free(self, start: datetime, end: datetime) -> bool:
        """Tell whether one unit can be had over all of [start, end)."""
        if not self.resource.is_lent:
            return False
        if not any(opens <= start and end <= closes for opens, closes in self._open):
            return False
        if any(from_ < end and until > start for from_, until in self._closed):
            return False
        from_, until = self.resource.busy(start, end)
        near = [item for item in self._bookings if item.busy_from < until and item.busy_until > from_]
        return peak(near, from_, until) < self.resource.quantity

    def starts(self, step: timedelta) -> Iterator[datetime]:
        """Times on its wall clock at which a booking may begin."""
        return grid(self.rules, self.zone, self.start, self.end, step)


def free_slots(
    diary: Diary, crews: Iterable[list[Diary]], *, duration: timedelta, step: timedelta, now: datetime
) -> Iterator[Stretch]:
    """[start, end) of each slot ahead that is free in the diary and in at least one diary of each crew."""
    crews = list(crews)
    for start in diary.starts(step):
        end = start + duration
        if start <= now or end > diary.end or not diary.is_free(start, end):
            continue
        if all(any(one.is_free(start, end) for one in crew) for crew in crews):
            yield start, end


def find_handover_slots(
    start: datetime, end: datetime, *, duration: timedelta, step: timedelta, now: datetime, besides: UUID | None = None
) -> list[tuple[Stretch, str]]:
    """[start, end) of each time ahead at which a place of hand-overs is free, and the zone of its clock; 500 at most.

    The booking `besides` stands in nobody's way.
    """
    places = Resource.objects.present().filter(type__is_handover_place=True).prefetch_related("opening_hours")
    found: dict[Stretch, str] = {}
    for place in places.order_by("pk")[:MAX_PLACES]:
        diary = Diary(place, start, end, besides=besides)
        for slot in islice(free_slots(diary, [], duration=duration, step=step, now=now), MAX_SLOTS):
            found.setdefault(slot, place.time_zone)
    return sorted(found.items())[:MAX_SLOTS]


def find_slots(
    resource: Resource, start: datetime, end: datetime, *, duration: timedelta, step: timedelta, now: datetime
) -> dict[str, Any]:
    """The first 500 slots ahead of a resource in [start, end); a test-drive car's need a free crew too."""
    crews: list[list[Diary]] = []
    if resource.type.test_drive_role == DriveRole.CAR:
        crews = _crews(start, end)
    found = free_slots(Diary(resource, start, end), crews, duration=duration, step=step, now=now)
    slots = list(islice(found, MAX_SLOTS + 1))
    zone = ZoneInfo(resource.time_zone)
    return {
        "resource_id": resource.id,
        "time_zone": resource.time_zone,
        "duration_minutes": int(duration.total_seconds() // 60),
        "slots": [
            {"start_time": from_, "end_time": until, "local_start": f"{from_.astimezone(zone):%Y-%m-%dT%H:%M}"}
            for from_, until in slots[:MAX_SLOTS]
        ],
        "truncated": len(slots) > MAX_SLOTS,
    }


def _crews(start: datetime, end: datetime) -> list[list[Diary]]:
    crew = Resource.objects.present().filter(type__test_drive_role__in=CREW).select_related("type")
    diaries: dict[str, list[Diary]] = {}
    for resource in crew.prefetch_related("opening_hours").order_by("pk"):
        diaries.setdefault(resource.type.test_drive_role, []).append(Diary(resource, start, end))
    return list(diaries.values())


def compute_availability(resource: Resource, start: datetime, end: datetime) -> dict[str, Any]:
    """Return how many units can be had over [start, end), at least (`available`) and stretch by stretch (`spans`)."""
    bookings = list(resource.allocations.active().overlapping(start, end))
    taken: list[Allocation | Closed] = [*bookings, *_closed(resource, start, end)]
    found = [
        (span, peak(bookings, span.start, span.end), max(0, resource.quantity - span.taken))
        for span in spans(taken, start, end)
    ]
    return {
        "resource_id": resource.id,
        "start_time": start,
        "end_time": end,
        "quantity": resource.quantity,
        "available": min(free for _, _, free in found),
        "spans": [
            {"start": span.start, "end": span.end, "allocated": allocated, "available": free}
            for span, allocated, free in found
        ],
    }


def _closed(resource: Resource, start: datetime, end: datetime) -> list[Closed]:
    if not resource.is_lent:
        closed: list[Stretch] = [(start, end)]
    else:
        closed = closed_stretches(resource.rules(), ZoneInfo(resource.time_zone), start, end)
        overlapping = resource.blackouts.filter(ends_at__gt=start, starts_at__lt=end)
        closed += overlapping.values_list("starts_at", "ends_at")
    return [Closed(from_, until, resource.quantity, uuid7()) for from_, until in closed]
