"""Day counts: how long a stretch of days is in years, and so how much of the yearly rate it costs."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum

from financing.rules.calculations.dates import add_months, days_in_month, days_in_year, is_whole_months, months_between
from financing.rules.calculations.rounding import precise

TWELVE = Decimal(12)


class DayCount(StrEnum):
    """Named bases. `30/360` is the loan practice of one twelfth a month; `30/360-bond` and the rest count days.

    `actual/actual` is the Russian practice, days of (start, end] by the year each is in; ISDA takes [start, end).
    """

    THIRTY_360 = "30/360"
    ACTUAL_365 = "actual/365"
    ACTUAL_360 = "actual/360"
    ACTUAL_ACTUAL = "actual/actual"
    ACTUAL_ACTUAL_ISDA = "actual/actual-isda"
    ACTUAL_364 = "actual/364"
    ACTUAL_365_25 = "actual/365.25"
    BOND = "30/360-bond"
    EUROBOND = "30e/360"
    EUROBOND_PLUS = "30e+/360"
    GERMAN = "30e/360-isda"
    US = "30u/360"


YEAR_DAYS = {
    DayCount.ACTUAL_360: Decimal(360),
    DayCount.ACTUAL_364: Decimal(364),
    DayCount.ACTUAL_365: Decimal(365),
    DayCount.ACTUAL_365_25: Decimal("365.25"),
}


def _is_end_of_february(day: date) -> bool:
    return day.month == 2 and day.day == days_in_month(day.year, 2)


def _bond(start: date, end: date) -> tuple[int, int]:
    first = min(start.day, 30)
    return first, min(end.day, 30) if first == 30 else end.day


def _eurobond(start: date, end: date) -> tuple[int, int]:
    return min(start.day, 30), min(end.day, 30)


def _eurobond_plus(start: date, end: date) -> tuple[int, int]:
    # A 31st counts as the 1st of the next month, which is day 31 of a month of 30.
    return min(start.day, 30), end.day


def _german(start: date, end: date) -> tuple[int, int]:
    first, last = (30 if _is_end_of_february(day) else min(day.day, 30) for day in (start, end))
    return first, last


def _us(start: date, end: date) -> tuple[int, int]:
    if not _is_end_of_february(start):
        return _bond(start, end)
    return 30, 30 if _is_end_of_february(end) else min(end.day, 30)


THIRTY_360_DAYS: dict[DayCount, Callable[[date, date], tuple[int, int]]] = {
    DayCount.BOND: _bond,
    DayCount.EUROBOND: _eurobond,
    DayCount.EUROBOND_PLUS: _eurobond_plus,
    DayCount.GERMAN: _german,
    DayCount.US: _us,
}


def days_between(start: date, end: date, day_count: DayCount) -> int:
    """Return the days from start to end: 360*years + 30*months + days on the 30/360 bases (ISDA 2006, 4.16), else
    calendar days.
    """
    ends = THIRTY_360_DAYS.get(day_count)
    if ends is None:
        return (end - start).days
    first, last = ends(start, end)
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + last - first


def _actual_actual(start: date, end: date, first_day: int) -> Decimal:
    """Days of each calendar year over its length; `first_day` 1 counts (start, end], 0 counts [start, end)."""
    if start.year == end.year:
        return Decimal((end - start).days) / days_in_year(end.year)
    head = (date(start.year, 12, 31) - start).days + 1 - first_day
    tail = (end - date(end.year, 1, 1)).days + first_day
    whole_years = end.year - start.year - 1
    return Decimal(head) / days_in_year(start.year) + whole_years + Decimal(tail) / days_in_year(end.year)


def _twelfths(start: date, end: date) -> Decimal:
    """Whole months as twelfths, counted back from the end; the broken rest is days over the length of its month."""
    months = months_between(start, end)
    if is_whole_months(start, end, months):
        return months / TWELVE
    broken_end = add_months(end, -months)
    month_length = (broken_end - add_months(broken_end, -1)).days
    return (months + Decimal((broken_end - start).days) / month_length) / TWELVE


def _year_fraction(start: date, end: date, day_count: DayCount) -> Decimal:
    if day_count is DayCount.THIRTY_360:
        return _twelfths(start, end)
    if day_count is DayCount.ACTUAL_ACTUAL:
        return _actual_actual(start, end, 1)
    if day_count is DayCount.ACTUAL_ACTUAL_ISDA:
        return _actual_actual(start, end, 0)
    return Decimal(days_between(start, end, day_count)) / YEAR_DAYS.get(day_count, Decimal(360))


@precise
def year_fraction(start: date, end: date, day_count: DayCount) -> Decimal:
    """Return the time from start to end in years."""
    return _year_fraction(start, end, day_count)


@precise
def interest_factor(
    annual_rate: Decimal, start: date, end: date, day_count: DayCount, period: tuple[date, date] | None = None
) -> Decimal:
    """Return the interest on one rouble from start to end at `annual_rate` (a fraction a year).

    `period` is the payment period that holds the interval: under 30/360 a part of it costs its share of the days,
    so that the parts of a period always sum to the whole.
    """
    if start == end:
        return Decimal(0)
    if period is None or day_count is not DayCount.THIRTY_360:
        return annual_rate * _year_fraction(start, end, day_count)
    whole = _year_fraction(*period, day_count)
    return annual_rate * whole * (end - start).days / (period[1] - period[0]).days


@precise
def interest_factors(annual_rate: Decimal, start: date, due: Sequence[date], day_count: DayCount) -> list[Decimal]:
    """Return the factor of each payment period from the payout `start` through the due dates."""
    starts = (start, *due[:-1])
    return [annual_rate * _year_fraction(begin, end, day_count) for begin, end in zip(starts, due, strict=True)]
