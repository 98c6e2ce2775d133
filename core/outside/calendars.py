"""Write iCalendar files (RFC 5545): a meeting on the wall clock of its place, over changes of the clocks as well."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

if TYPE_CHECKING:
    from icalendar import Timezone

_YEAR, _DAY, _MINUTE = timedelta(days=365), timedelta(days=1), timedelta(minutes=1)


def write_calendar(
    *,
    uid: UUID,
    title: str,
    description: str,
    location: str,
    span: tuple[datetime, datetime],
    zone: str,
    changed: tuple[datetime, int],
    is_cancelled: bool,
    source: str,
) -> bytes:
    """Return a VCALENDAR with one VEVENT over `span`; `changed` is when, and in which version, it last changed.

    A newer version replaces an older one in the reader's calendar; `source` names the app that wrote it.
    """
    # icalendar takes a tenth of a second to import, which only those who download a file should pay
    from icalendar import Calendar, Event

    event = Event()
    event.add("uid", f"{uid}@{settings.PUBLIC_URL.partition('://')[2]}")
    event.add("summary", title)
    event.add("dtstart", _local(span[0], zone))
    event.add("dtend", _local(span[1], zone))
    event.add("dtstamp", changed[0].astimezone(UTC))
    event.add("sequence", changed[1])
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    if description:
        event.add("description", description)
    if location:
        event.add("location", location)
    calendar = Calendar()
    calendar.add("prodid", f"-//Autosalon//{source}//")
    calendar.add("version", "2.0")
    if ZoneInfo(zone) != ZoneInfo("UTC"):
        calendar.add_component(_definition(ZoneInfo(zone), *span))
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _local(moment: datetime, zone: str) -> datetime:
    """A moment on the wall clock of a place; in UTC where that clock shows the time for the second time.

    RFC 5545 (3.3.5) takes a local time that comes twice for the first one.
    """
    local = moment.astimezone(ZoneInfo(zone))
    return moment.astimezone(UTC) if local.fold else local


def _definition(zone: ZoneInfo, start: datetime, end: datetime) -> "Timezone":
    """A VTIMEZONE good from a year before an event to its end: programs need not know the zone by its name.

    Each change of the clocks is given as they stood before it, as RFC 5545 (3.6.5) asks; icalendar's own definitions
    give it as they stand after, an hour late in spring.
    """
    from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

    definition = Timezone()
    definition.add("tzid", zone.key)
    first = (start - _YEAR).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for moment in (first, *_changes(zone, first, end.astimezone(UTC))):
        before, after = (moment - _MINUTE).astimezone(zone), moment.astimezone(zone)
        if moment == first:
            before = after
        observance = TimezoneDaylight() if after.dst() else TimezoneStandard()
        observance.add("dtstart", moment.replace(tzinfo=None) + _offset(before))
        observance.add("tzoffsetfrom", _offset(before))
        observance.add("tzoffsetto", _offset(after))
        observance.add("tzname", after.tzname())
        definition.add_component(observance)
    return definition


def _changes(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[datetime]:
    """The minutes (UTC) at which the clocks of a zone change in (first, last]; no zone changes them twice a day."""
    day = first
    while day < last:
        following = day + _DAY
        if _offset(day.astimezone(zone)) != _offset(following.astimezone(zone)):
            yield _change(zone, day, following)
        day = following


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first minute of (before, after] at which the clocks stand as they do after."""
    offset = _offset(after.astimezone(zone))
    while after - before > _MINUTE:
        middle = before + (after - before) // _MINUTE // 2 * _MINUTE
        if _offset(middle.astimezone(zone)) == offset:
            after = middle
        else:
            before = middle
    return after


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()
