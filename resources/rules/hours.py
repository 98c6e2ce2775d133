"""Opening hours on the wall clock: which instants of a calendar are open, on days of 23 and 25 hours too."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Stretch = tuple[datetime, datetime]
"""[start, end) in UTC."""


@dataclass(frozen=True)
class Hours:
    """Open from `opens` to `closes` on `weekday` (1 is Monday); `closes` 00:00 is the end of that day."""

    weekday: int
    opens: time
    closes: time


ALL_DAY = time(0)


def open_stretches(rules: Sequence[Hours], zone: ZoneInfo, start: datetime, end: datetime) -> list[Stretch]:
    """Stretches of [start, end) when the rules say open, in order, neighbours joined; no rules: all of it."""
    if not rules:
        return [(start, end)]
    found: list[Stretch] = []
    for day in _days(start, end, zone):
        for opens, closes in _list_stretches(day, rules, zone):
            from_, until = max(opens, start), min(closes, end)
            if from_ >= until:
                continue
            if found and found[-1][1] == from_:
                found[-1] = (found[-1][0], until)
            else:
                found.append((from_, until))
    return found


def closed_stretches(rules: Sequence[Hours], zone: ZoneInfo, start: datetime, end: datetime) -> list[Stretch]:
    """Return what is left of [start, end) outside the open stretches."""
    found: list[Stretch] = []
    since = start
    for opens, closes in open_stretches(rules, zone, start, end):
        if since < opens:
            found.append((since, opens))
        since = closes
    if since < end:
        found.append((since, end))
    return found


def is_open(rules: Sequence[Hours], zone: ZoneInfo, start: datetime, end: datetime) -> bool:
    """Tell whether all of [start, end) is open."""
    return open_stretches(rules, zone, start, end) == [(start, end)]


def grid(rules: Sequence[Hours], zone: ZoneInfo, start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    """Instants of [start, end) at which a booking may begin: every `step` on the wall clock from each opening.

    A wall-clock time that a day skips is left out; one that a day has twice is taken once, the first time.
    """
    for day in _days(start, end, zone):
        for rule in _of_day(day, rules):
            local = datetime.combine(day, rule.opens)
            last = _get_end(day, rule)
            while local < last:
                moment = local.replace(tzinfo=zone).astimezone(UTC)
                if start <= moment < end and moment.astimezone(zone).replace(tzinfo=None) == local:
                    yield moment
                local += step


def _days(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[date]:
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def _list_stretches(day: date, rules: Sequence[Hours], zone: ZoneInfo) -> Iterator[Stretch]:
    for rule in _of_day(day, rules):
        opens = datetime.combine(day, rule.opens, zone)
        yield opens.astimezone(UTC), _get_end(day, rule).replace(tzinfo=zone).astimezone(UTC)


def _of_day(day: date, rules: Sequence[Hours]) -> list[Hours]:
    if not rules:
        return [Hours(day.isoweekday(), time(0), ALL_DAY)]
    return sorted((rule for rule in rules if rule.weekday == day.isoweekday()), key=lambda rule: rule.opens)


def _get_end(day: date, rule: Hours) -> datetime:
    return datetime.combine(day if rule.closes != ALL_DAY else day + timedelta(days=1), rule.closes)
