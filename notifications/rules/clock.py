"""Wall clocks of recipients: quiet hours and the hour of the digest, right on days when the clocks change too."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DIGEST_AT = time(9, 0)
"""When the e-mail of the day goes out, on the recipient's wall clock."""


def is_within(start: time, end: time, zone: str, moment: datetime) -> bool:
    """Tell whether the wall clock of a zone stands in [start, end); an end before the start is one past midnight."""
    clock = moment.astimezone(ZoneInfo(zone)).time()
    return start <= clock < end if start <= end else clock >= start or clock < end


def next_at(clock: time, zone: str, after: datetime) -> datetime:
    """The first moment later than `after` at which the wall clock of a zone shows `clock`, in UTC.

    An hour that the clocks skip is taken as the hour after it; one that comes twice counts both times.
    """
    place = ZoneInfo(zone)
    today = after.astimezone(place).date()
    moments = []
    for day in (today, today + timedelta(days=1)):
        first, second = (datetime.combine(day, clock.replace(fold=fold), place).astimezone(UTC) for fold in (0, 1))
        moments += [first, second] if second > first else [first]
    return min(moment for moment in moments if moment > after)
