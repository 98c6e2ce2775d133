"""Days of the dealership: a moment is the same everywhere, a day begins and ends where the dealer's clock hangs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone


def dealer_zone() -> ZoneInfo:
    """Return the zone of the dealer's wall clock (AUTOSALON_DEALER_TIME_ZONE)."""
    return ZoneInfo(settings.DEALER_TIME_ZONE)


def dealer_day(moment: datetime) -> date:
    """Return the dealer's calendar day at an aware moment."""
    return moment.astimezone(dealer_zone()).date()


def day_begins(day: date) -> datetime:
    """Return the moment at which the dealer's `day` begins: 23 or 25 hours before the next where clocks change."""
    return datetime.combine(day, time.min, dealer_zone())


def day_ends(day: date) -> datetime:
    """Return the moment at which the day after begins: everything before it is still on `day`."""
    return day_begins(day + timedelta(days=1))


class ToldClock:
    """A clock that is told the time: what this process does under it happens at that moment."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """Return the moment that was told last."""
        return self.moment


@contextmanager
def telling(clock: ToldClock) -> Iterator[ToldClock]:
    """Let handlers of this process read a told clock, for a story of the past; databases keep their own."""
    real, timezone.now = timezone.now, clock.now
    try:
        yield clock
    finally:
        timezone.now = real
