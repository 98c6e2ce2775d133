"""iCalendar files (RFC 5545): a happening or test drive on the wall clock of its place, over DST as well."""

from core.outside.calendars import write_calendar
from showroom.models import Drive, DriveStatus, Happening, HappeningStatus

_DEAD = frozenset({DriveStatus.CANCELLED, DriveStatus.REFUSED, DriveStatus.NO_SHOW})


def happening_calendar(happening: Happening) -> bytes:
    """A VCALENDAR with one VEVENT; a cancelled happening says so, and a newer version replaces an older one."""
    return write_calendar(
        uid=happening.id,
        title=happening.title,
        description=happening.description,
        location=happening.location,
        span=(happening.starts_at, happening.ends_at),
        zone=happening.time_zone,
        changed=(happening.updated_at, happening.version),
        is_cancelled=happening.status == HappeningStatus.CANCELLED,
        source="showroom",
    )


def drive_calendar(drive: Drive) -> bytes:
    """A VCALENDAR with one VEVENT for a test drive."""
    return write_calendar(
        uid=drive.id,
        title=drive.car_name,
        description="",
        location="",
        span=(drive.starts_at, drive.ends_at),
        zone=drive.time_zone,
        changed=(drive.updated_at, drive.version),
        is_cancelled=drive.status in _DEAD,
        source="showroom",
    )
