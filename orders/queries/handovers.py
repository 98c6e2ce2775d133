"""Read hand-over appointments: an order's own, its free times, and those of a day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Case, When

from core.clock import day_begins
from core.outside.calendars import write_calendar
from gateway.people import get_told
from orders.models import HandoverAppointment, HandoverState
from orders.models.handovers import COMING
from resources.public import HandoverSlot, free_handover_slots

STEP = timedelta(minutes=30)
"""Between one time that is offered and the next."""
MOST_DAYS = 14
"""Days whose times are read at once."""
MOST = 50


@dataclass(frozen=True)
class DueHandover:
    """A hand-over of a day, by whom it is known: `goods` is the first line of the order."""

    order_id: UUID
    number: str
    starts_at: datetime
    time_zone: str
    location: str
    goods: str
    customer: str
    phone: str


def find_appointment(order_id: UUID) -> HandoverAppointment | None:
    """Return an order's appointment: the confirmed one, else the newest, whatever became of it."""
    found = HandoverAppointment.objects.filter(order=order_id)
    first = Case(When(state=HandoverState.CONFIRMED, then=0), default=1)
    return found.order_by(first, "-created_at", "-id").first()


def find_asked(order_id: UUID) -> HandoverAppointment | None:
    """Return the appointment of an order that is being booked."""
    return HandoverAppointment.objects.filter(order=order_id, state=HandoverState.ASKED).first()


def find_newest(order_id: UUID) -> HandoverAppointment | None:
    """Return the appointment of an order that was asked for last."""
    return HandoverAppointment.objects.filter(order=order_id).order_by("-created_at", "-id").first()


def duration() -> timedelta:
    """Return how long a hand-over takes."""
    return timedelta(minutes=settings.HANDOVER_MINUTES)


def list_slots(order_id: UUID, first: date, days: int, *, now: datetime) -> list[HandoverSlot]:
    """Times that an order may be handed over at, from a day of the dealer's on; its own booking is in nobody's way.

    None is sooner than the notice that the house needs, nor further ahead than it plans.
    """
    confirmed = HandoverAppointment.objects.filter(order=order_id, state=HandoverState.CONFIRMED).first()
    start = max(day_begins(first), now + timedelta(hours=settings.HANDOVER_NOTICE_HOURS))
    last = now + timedelta(days=settings.HANDOVER_DAYS_AHEAD)
    end = min(day_begins(first + timedelta(days=min(days, MOST_DAYS))), last)
    if start >= end:
        return []
    found = free_handover_slots(
        day_begins(first), end, duration=duration(), step=STEP, now=start - timedelta(seconds=1),
        besides=confirmed.id if confirmed else None,
    )  # fmt: skip
    return [slot for slot in found if confirmed is None or slot.start_time != confirmed.starts_at]


def handovers_between(start: datetime, end: datetime) -> list[DueHandover]:
    """Read the confirmed hand-overs that begin in [start, end), the soonest first."""
    due = HandoverAppointment.objects.filter(state=HandoverState.CONFIRMED, starts_at__gte=start, starts_at__lt=end)
    rows = due.select_related("order").prefetch_related("order__lines").annotate(known=get_told("order__customer_id"))
    return [_due(one) for one in rows.order_by("starts_at", "id")[:MOST]]


def _due(one: HandoverAppointment) -> DueHandover:
    known: dict[str, str] = getattr(one, "known", None) or {}
    lines = list(one.order.lines.all())
    return DueHandover(
        order_id=one.order_id,
        number=one.order.number,
        starts_at=one.starts_at,
        time_zone=one.time_zone,
        location=one.location,
        goods=lines[0].name if lines else "",
        customer=known.get("name", ""),
        phone=known.get("phone", ""),
    )


def handover_bookings(*, chunk: int = 2000) -> Iterator[tuple[UUID, UUID]]:
    """(appointment, order) of every appointment that a place is taken for."""
    rows = HandoverAppointment.objects.filter(state=HandoverState.CONFIRMED).order_by("pk")
    yield from rows.values_list("pk", "order_id").iterator(chunk_size=chunk)


def handover_calendar(found: HandoverAppointment, number: str, title: str) -> bytes:
    """A VCALENDAR with one VEVENT for a hand-over; one that ended says so."""
    return write_calendar(
        uid=found.id,
        title=title,
        description=number,
        location=found.location,
        span=(found.starts_at, found.ends_at),
        zone=found.time_zone,
        changed=(found.updated_at, found.version),
        is_cancelled=found.state not in (*COMING, HandoverState.DONE),
        source="orders",
    )
