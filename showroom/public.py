"""Answer what other apps may ask of showroom."""

from datetime import datetime
from uuid import UUID

from django.db import connections
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.plugins import Disagreement
from gateway.people import get_told
from messaging.peering.reads import answers
from showroom.models import Drive, DriveCar, DriveStatus, Happening, HappeningStatus, Registration, RegistrationStatus

MAX_SHOWN = 50
"""Happenings, cars or test drives on one page."""


def upcoming_happenings(*, now: datetime) -> list[Happening]:
    """Happenings that have not ended and take place, the soonest first."""
    ahead = Happening.objects.present().filter(ends_at__gt=now, status=HappeningStatus.SCHEDULED)
    return list(ahead.select_related("category").order_by("starts_at", "id")[:MAX_SHOWN])


def find_happening(happening_id: UUID) -> Happening | None:
    """One happening, cancelled or over ones too."""
    return Happening.objects.present().filter(pk=happening_id).first()


@answers("resources")
def require_happening(event_id: UUID, field: str) -> None:
    """Refuse to keep anything for a happening that there is not, or that was called off. Raises InvalidInput."""
    if not Happening.objects.present().filter(pk=event_id, status=HappeningStatus.SCHEDULED).exists():
        raise InvalidInput(field, "unknown_event", _("There is no such event."))


def find_registration(happening_id: UUID, user_id: UUID) -> Registration | None:
    """The seat or place in the line that a person has."""
    live = Registration.objects.filter(happening_id=happening_id, user_id=user_id)
    return live.exclude(status=RegistrationStatus.CANCELLED).first()


def happening_of_seat(registration_id: UUID) -> UUID | None:
    """Return the happening that a registration is for; None when there is no such registration."""
    return Registration.objects.filter(pk=registration_id).values_list("happening_id", flat=True).first()


def test_drive_cars() -> list[DriveCar]:
    """Cars one can test."""
    return list(DriveCar.objects.filter(is_available=True).order_by("name", "resource_id")[:MAX_SHOWN])


def list_drives(user_id: UUID) -> list[Drive]:
    """A person's test drives, the latest first."""
    return list(Drive.objects.filter(user_id=user_id).order_by("-starts_at", "-id")[:MAX_SHOWN])


def drives_ahead() -> list[tuple[UUID, UUID]]:
    """(product, test drive) of every test drive of a known vehicle that is still to begin."""
    ahead = Drive.objects.filter(status__in=[DriveStatus.REQUESTED, DriveStatus.CONFIRMED], starts_at__gt=Now())
    rows = ahead.filter(product_id__isnull=False).order_by("id").values_list("product_id", "id")
    return [(product_id, drive_id) for product_id, drive_id in rows if product_id]


_COUNTS = """
WITH counted AS MATERIALIZED (
    SELECT happening_id,
           count(*) FILTER (WHERE status IN ('confirmed', 'offered')) AS seated,
           count(*) FILTER (WHERE status = 'waitlisted') AS waiting,
           count(DISTINCT position) FILTER (WHERE status = 'waitlisted') AS places,
           max(position) FILTER (WHERE status = 'waitlisted') AS last_place
    FROM showroom_registration WHERE status <> 'cancelled' GROUP BY happening_id
)
SELECT h.id, h.status, h.capacity, h.taken, h.waiting,
       CASE WHEN h.price > 0 THEN h.starts_at ELSE h.ends_at END <= now(),
       coalesce(c.seated, 0), coalesce(c.waiting, 0), coalesce(c.places, 0), coalesce(c.last_place, 0)
FROM showroom_happening h LEFT JOIN counted c ON c.happening_id = h.id
WHERE h.taken <> coalesce(c.seated, 0) OR h.waiting <> coalesce(c.waiting, 0)
   OR coalesce(c.seated, 0) > h.capacity
   OR coalesce(c.places, 0) <> coalesce(c.waiting, 0) OR coalesce(c.last_place, 0) <> coalesce(c.waiting, 0)
   OR (h.status = 'cancelled' AND c.happening_id IS NOT NULL)
   OR (h.status = 'scheduled' AND CASE WHEN h.price > 0 THEN h.starts_at ELSE h.ends_at END > now()
       AND c.waiting > 0 AND c.seated < h.capacity)
ORDER BY h.id
"""


def seat_disagreements() -> list[Disagreement]:
    """Happenings whose seats, counters or waiting lists contradict each other; empty when all is well."""
    with connections["showroom"].cursor() as cursor:
        cursor.execute(_COUNTS)
        return [found for row in cursor.fetchall() for found in _explain(*row)]


def _explain(
    happening_id: object,
    status: str,
    capacity: int,
    taken: int,
    waiting: int,
    is_over: bool,
    seated: int,
    waits: int,
    places: int,
    last_place: int,
) -> list[Disagreement]:
    wrong = {
        "seats_miscounted": (taken != seated, f"{taken} seats counted, {seated} registered"),
        "waiting_miscounted": (waiting != waits, f"{waiting} counted as waiting, {waits} registered"),
        "overbooked": (seated > capacity, f"{seated} registered for {capacity} seats"),
        "waiting_list_broken": (places != waits or last_place != waits, f"{waits} wait in places up to {last_place}"),
        "cancelled_not_empty": (status == "cancelled" and bool(seated + waits), "cancelled, yet people are registered"),
        "seat_idle": (
            status == "scheduled" and not is_over and waits > 0 and seated < capacity,
            f"{waits} wait while {capacity - seated} seats are free",
        ),
    }
    return [
        Disagreement(kind, {"event_id": str(happening_id)}, detail)
        for kind, (is_wrong, detail) in wrong.items()
        if is_wrong
    ]


def drives_between(start: datetime, end: datetime) -> list[Drive]:
    """Read the test drives that begin in [start, end) and were not called off, the soonest first."""
    due = Drive.objects.filter(starts_at__gte=start, starts_at__lt=end)
    live = due.exclude(status__in=[DriveStatus.REFUSED, DriveStatus.CANCELLED])
    return list(live.annotate(known=get_told("user_id")).order_by("starts_at", "id")[:MAX_SHOWN])
