"""Calendar arithmetic of loans: due dates that keep their anchor day, and shifts to working days."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

DAY = timedelta(days=1)
SATURDAY, SUNDAY = 5, 6
SHORTEST_MONTH = 28
MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

# Labour Code of Russia, art. 112: days off by law, (month, day).
STATUTORY_HOLIDAYS_RU = (*((1, day) for day in range(1, 9)), (2, 23), (3, 8), (5, 1), (5, 9), (6, 12), (11, 4))
NEW_YEAR_HOLIDAYS = frozenset((1, day) for day in range(1, 9))


class MonthEnd(StrEnum):
    """Rule for a due day that its month does not have."""

    CLAMP = "clamp"
    ROLL = "roll"


class Shift(StrEnum):
    """Rule for moving a due date that falls on a day off."""

    NONE = "none"
    FOLLOWING = "following"
    PRECEDING = "preceding"
    MODIFIED_FOLLOWING = "modified_following"


def is_leap(year: int) -> bool:
    """Tell whether a Gregorian year has 366 days."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_year(year: int) -> int:
    """Return 365 or 366."""
    return 366 if is_leap(year) else 365


def days_in_month(year: int, month: int) -> int:
    """Return the length of a month in days."""
    return 29 if month == 2 and is_leap(year) else MONTH_LENGTHS[month - 1]


def add_months(day: date, months: int, month_end: MonthEnd = MonthEnd.CLAMP) -> date:
    """Move a date by whole months; a missing day becomes the month's last, or rolls to the 1st of the next month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    length = days_in_month(year, month + 1)
    if day.day <= length:
        return date(year, month + 1, day.day)
    last = date(year, month + 1, length)
    return last + DAY if month_end is MonthEnd.ROLL else last


def months_between(start: date, end: date) -> int:
    """Return the greatest number of whole months m with start + m months <= end."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months - 1 if end.day < min(start.day, days_in_month(end.year, end.month)) else months


def is_whole_months(start: date, end: date, months: int) -> bool:
    """Tell whether the dates are exactly `months` apart, looking from either end (31 March to 30 April is one)."""
    if (
        start.day != end.day and min(start.day, end.day) < SHORTEST_MONTH
    ):  # no month's end is near: the usual case, fast
        return False
    return add_months(start, months) == end or add_months(end, -months) == start


def whole_months_back(start: date, end: date) -> int:
    """Return the greatest number of whole months m with end - m months >= start, whole from either end counted."""
    months = (end.year - start.year) * 12 + end.month - start.month
    if end.day == start.day or is_whole_months(start, end, months):
        return months
    return months - 1 if add_months(end, -months) < start else months


def due_dates(first: date, count: int, *, every: int = 1, month_end: MonthEnd = MonthEnd.CLAMP) -> tuple[date, ...]:
    """Return `count` due dates every `every` months, each counted from the first one and never from its clamped
    predecessor: 31 January, 28 February, 31 March.
    """
    return tuple(add_months(first, number * every, month_end) for number in range(count))


@dataclass(frozen=True)
class WorkCalendar:
    """Days off as data: weekday numbers of the weekend, extra days off, and working days inside the weekend."""

    days_off: frozenset[date] = frozenset()
    working_days: frozenset[date] = frozenset()
    weekend: frozenset[int] = frozenset({SATURDAY, SUNDAY})

    def is_working(self, day: date) -> bool:
        """Tell whether banks work on this day."""
        if day in self.working_days:
            return True
        return day.weekday() not in self.weekend and day not in self.days_off

    def shift(self, day: date, rule: Shift) -> date:
        """Move a due date off a day off; `modified_following` goes back rather than leave the month."""
        if rule is Shift.NONE:
            return day
        step = -DAY if rule is Shift.PRECEDING else DAY
        moved = self._nearest(day, step)
        if rule is Shift.MODIFIED_FOLLOWING and moved.month != day.month:
            return self._nearest(day, -DAY)
        return moved

    def _nearest(self, day: date, step: timedelta) -> date:
        while not self.is_working(day):
            day += step
        return day


class WorkYear(NamedTuple):
    """One year by its decree: weekdays off besides the holidays of art. 112, and working days inside the weekend."""

    days_off: frozenset[date]
    working_days: frozenset[date]


def holidays_by_law(year: int) -> frozenset[date]:
    """Return the holidays of a year (Labour Code art. 112 part 1)."""
    return frozenset(date(year, month, day) for month, day in STATUTORY_HOLIDAYS_RU)


def days_off_by_rule(year: int) -> frozenset[date]:
    """Return the weekdays off that the law alone moves: a holiday on a day of the weekend is made up for on the next
    working day, those of 1 to 8 January by decree only (Labour Code art. 112 part 2).
    """
    holidays, moved = holidays_by_law(year), set[date]()
    plain = WorkCalendar(holidays)
    for holiday in sorted(holidays):
        if holiday.weekday() in plain.weekend and (holiday.month, holiday.day) not in NEW_YEAR_HOLIDAYS:
            day = holiday + DAY
            while day in moved or not plain.is_working(day):
                day += DAY
            moved.add(day)
    return frozenset(moved)


def russian_calendar(years: Iterable[int], decrees: Mapping[int, WorkYear]) -> WorkCalendar:
    """Return the Russian calendar of some years: art. 112 with what each year's decree moved, and where there is no
    decree yet with what the law alone moves.
    """
    days_off, working = set[date](), set[date]()
    for year in years:
        decree = decrees.get(year)
        days_off |= holidays_by_law(year) | (decree.days_off if decree else days_off_by_rule(year))
        working |= decree.working_days if decree else set()
    return WorkCalendar(frozenset(days_off), frozenset(working))
