"""Answer what other apps may ask of resources."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from django.db import connections

from core.plugins import Disagreement
from messaging.peering.reads import answers
from resources.models import Allocation, DriveRole, Resource
from resources.queries.diary import find_handover_slots, find_slots
from resources.rules.hours import Stretch


class HandoverSlot(msgspec.Struct, frozen=True, kw_only=True):
    """A time [start_time, end_time) for a hand-over; `time_zone` is that of the clock at its place."""

    start_time: datetime
    end_time: datetime
    time_zone: str


def free_slots_of_car(
    resource_id: UUID, start: datetime, end: datetime, *, duration: timedelta, step: timedelta, now: datetime
) -> list[Stretch]:
    """[start, end) of each time at which a test-drive car can be had with a place and a colleague."""
    cars = Resource.objects.present().filter(pk=resource_id, type__test_drive_role=DriveRole.CAR)
    car = cars.select_related("type").prefetch_related("opening_hours").first()
    if car is None:
        return []
    found = find_slots(car, start, end, duration=duration, step=step, now=now)
    return [(slot["start_time"], slot["end_time"]) for slot in found["slots"]]


@answers("orders")
def free_handover_slots(
    start: datetime, end: datetime, *, duration: timedelta, step: timedelta, now: datetime, besides: UUID | None = None
) -> list[HandoverSlot]:
    """Times ahead in [start, end) at which a place of hand-overs is free; `besides` is the booking to be exchanged."""
    found = find_handover_slots(start, end, duration=duration, step=step, now=now, besides=besides)
    return [HandoverSlot(start_time=slot[0], end_time=slot[1], time_zone=zone) for slot, zone in found]


def handovers_kept() -> list[tuple[UUID, UUID]]:
    """(booking, order) of every booking of a place of hand-overs that was not given back."""
    taken = Allocation.objects.active().filter(order_id__isnull=False, booking_id__isnull=False).order_by("pk")
    rows = taken.values_list("booking_id", "order_id")
    return [(booking_id, order_id) for booking_id, order_id in rows if booking_id and order_id]


_AHEAD = """
SELECT r.product_id, r.id, a.id FROM resources_resource r
LEFT JOIN resources_allocation a ON a.resource_id = r.id AND a.released_at IS NULL AND a.starts_at > now()
WHERE r.product_id IS NOT NULL AND r.deleted_at IS NULL AND (a.id IS NOT NULL OR NOT r.is_sold) ORDER BY r.id, a.id
"""


def vehicles_lent() -> list[tuple[UUID, UUID, UUID | None]]:
    """(product, resource, allocation) of vehicles that may be booked, and of every booking ahead of any vehicle."""
    with connections["resources"].cursor() as cursor:
        cursor.execute(_AHEAD)
        rows: list[tuple[UUID, UUID, UUID | None]] = cursor.fetchall()
    return rows


_OVERFULL = """
WITH live AS (
    SELECT id, resource_id, busy_from, busy_until, quantity FROM resources_allocation
    WHERE released_at IS NULL AND busy_until > now()
), steps AS MATERIALIZED (
    SELECT resource_id, moment, sum(change) AS change
    FROM (SELECT resource_id, busy_from AS moment, quantity AS change FROM live
          UNION ALL SELECT resource_id, busy_until, -quantity FROM live) AS edges
    GROUP BY resource_id, moment
), levels AS (
    SELECT resource_id, moment, sum(change) OVER (PARTITION BY resource_id ORDER BY moment) AS taken FROM steps
), overfull AS MATERIALIZED (
    SELECT r.id, r.quantity, max(l.taken) AS most, min(l.moment) AS since
    FROM levels l JOIN resources_resource r ON r.id = l.resource_id
    WHERE l.taken > r.quantity GROUP BY r.id
)
SELECT o.id, o.most, o.quantity, o.since,
       (SELECT array_agg(live.id ORDER BY live.busy_from, live.id) FROM live
        WHERE live.resource_id = o.id AND live.busy_from <= o.since AND live.busy_until > o.since)
FROM overfull o ORDER BY o.id
"""

_MISMARKED = """
SELECT a.resource_id, a.id FROM resources_allocation a JOIN resources_resource r ON r.id = a.resource_id
WHERE a.released_at IS NULL AND a.busy_until > now() AND a.is_exclusive <> (r.quantity = 1) ORDER BY a.id
"""

_ORPHANED = """
SELECT a.resource_id, a.id FROM resources_allocation a JOIN resources_resource r ON r.id = a.resource_id
WHERE a.released_at IS NULL AND a.ends_at > r.deleted_at ORDER BY a.id
"""

_HALF = """
SELECT a.resource_id, a.id FROM resources_allocation a
WHERE a.released_at IS NULL AND a.ends_at > now() AND a.booking_id IS NOT NULL
  AND EXISTS (SELECT 1 FROM resources_allocation other WHERE other.booking_id = a.booking_id
              AND other.released_at IS NOT NULL AND other.replaced_by_id IS NULL)
ORDER BY a.id
"""

_BROKEN = """
SELECT a.resource_id, a.id FROM resources_allocation a JOIN resources_resource r ON r.id = a.resource_id
WHERE a.released_at IS NULL AND a.starts_at > now() AND NOT r.is_in_service ORDER BY a.id
"""


def allocation_disagreements() -> list[Disagreement]:
    """Resources taken beyond their quantity now or later, and bookings nothing guards; empty when all is well."""
    with connections["resources"].cursor() as cursor:
        cursor.execute(_OVERFULL)
        found = [
            Disagreement(
                "overallocated",
                {"resource_id": str(resource_id), "allocation_ids": ", ".join(map(str, allocation_ids))},
                f"{most} of {quantity} taken at {since.isoformat()}",
            )
            for resource_id, most, quantity, since, allocation_ids in cursor.fetchall()
        ]
        for kind, sql, detail in (
            ("unguarded_allocation", _MISMARKED, "its exclusivity does not match the resource's quantity"),
            ("orphaned_allocation", _ORPHANED, "a booking ahead of a deleted resource"),
            ("half_booking", _HALF, "part of what was booked together was given back, this was not"),
            ("booking_of_broken_resource", _BROKEN, "a booking ahead of a resource that is out of service"),
        ):
            cursor.execute(sql)
            found += [
                Disagreement(kind, {"resource_id": str(first), "allocation_id": str(second)}, detail)
                for first, second in cursor.fetchall()
            ]
    return found
