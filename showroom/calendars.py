"""iCalendar files (RFC 5545): a happening or test drive on the wall clock of its place, over DST as well."""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from showroom.models import Drive, DriveStatus, Happening, HappeningStatus

_DEAD = frozenset({DriveStatus.CANCELLED, DriveStatus.REFUSED, DriveStatus.NO_SHOW})


def happening_calendar(happening: Happening) -> bytes:
    """A VCALENDAR with one VEVENT; a cancelled happening says so, and a newer version replaces an older one."""
    return _calendar(
        uid=happening.id,
        title=happening.title,
        description=happening.description,
        location=happening.location,
        span=(happening.starts_at, happening.ends_at),
        zone=happening.time_zone,
        changed=(happening.updated_at, happening.version),
        is_cancelled=happening.status == HappeningStatus.CANCELLED,
    )


def drive_calendar(drive: Drive) -> bytes:
    """A VCALENDAR with one VEVENT for a test drive."""
    return _calendar(
        uid=drive.id,
        title=drive.car_name,
        description="",
        location="",
        span=(drive.starts_at, drive.ends_at),
        zone=drive.time_zone,
        changed=(drive.updated_at, drive.version),
        is_cancelled=drive.status in _DEAD,
    )


def _calendar(
    *,
    uid: UUID,
    title: str,
    description: str,
    location: str,
    span: tuple[datetime, datetime],
    zone: str,
    changed: tuple[datetime, int],
    is_cancelled: bool,
) -> bytes:
    # icalendar takes a tenth of a second to import, which only those who download a file should pay
    from icalendar import Calendar, Event

    event = Event()
    event.add("uid", f"{uid}@{settings.PUBLIC_URL.partition('://')[2]}")
    event.add("summary", title)
    event.add("dtstart", span[0].astimezone(ZoneInfo(zone)))
    event.add("dtend", span[1].astimezone(ZoneInfo(zone)))
    event.add("dtstamp", changed[0].astimezone(UTC))
    event.add("sequence", changed[1])
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    if description:
        event.add("description", description)
    if location:
        event.add("location", location)
    calendar = Calendar()
    calendar.add("prodid", "-//Autosalon//showroom//")
    calendar.add("version", "2.0")
    calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())
