"""Cost of credit in per cent a year: ПСК of 353-FZ art. 6, the EU APR, the US APR, and the effective rate of XIRR."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from financing.rules.calculations.dates import (
    add_months,
    days_in_year,
    is_whole_months,
    months_between,
    whole_months_back,
)
from financing.rules.calculations.daycount import DayCount, year_fraction
from financing.rules.calculations.errors import NoRateFound
from financing.rules.calculations.rates import (
    HIGHEST_GROWTH,
    LEAST_RATE,
    Flow,
    in_order,
    least_positive_root,
    only_root,
    present_value,
    root_near_zero,
    sign_changes,
)
from financing.rules.calculations.rounding import PERCENT, precise

MONTHS_A_YEAR = 12
WEEKS_A_YEAR = 52
THIRTY_DAYS = 30
YEAR_DAYS = 365
WEEK = timedelta(weeks=1)
USUAL_RATE = Decimal(12)


class DatedFlow(NamedTuple):
    """Money on a day, roubles: payouts to the borrower negative, payments positive."""

    date: date
    amount: Decimal


class BasePeriod(NamedTuple):
    """The base period of art. 6: a number of months, or else of days."""

    months: int
    days: int

    @property
    def per_year(self) -> int:
        """ЧБП: whole base periods in a year of 12 equal months or 365 days."""
        return MONTHS_A_YEAR // self.months if self.months else YEAR_DAYS // self.days


MONTH = BasePeriod(1, 0)
THIRTY_DAY_PERIOD = BasePeriod(0, THIRTY_DAYS)


@precise
def psk_from_periods(
    flows: Iterable[Flow], periods_a_year: int = MONTHS_A_YEAR, *, near: Decimal = USUAL_RATE
) -> Decimal:
    """Return ПСК in per cent, unrounded: the least positive root of sum(flow / ((1+e*i)*(1+i)^q)) = 0, times ЧБП
    and 100 (353-FZ art. 6 part 2.1); 0 where payments do not exceed the payout. `near`, per cent a year, is where the
    search begins and changes no result. Raises NoRateFound.
    """
    return least_positive_root(flows, near / periods_a_year / PERCENT) * periods_a_year * PERCENT


def _interval(start: date, end: date) -> tuple[int, int]:
    months = months_between(start, end)
    if 0 < months <= MONTHS_A_YEAR and is_whole_months(start, end, months):
        return months, 0
    return 0, (end - start).days


def base_period(dates: Sequence[date]) -> BasePeriod:
    """Return the most frequent interval between payments, the shorter of equals; the average in days where none
    repeats, at most a year; one year where there is nothing to average (353-FZ art. 6 part 2.2).
    """
    intervals = Counter(_interval(start, end) for start, end in pairwise(sorted(set(dates))))
    if not intervals:
        return BasePeriod(MONTHS_A_YEAR, 0)
    (months, days), repeats = min(intervals.items(), key=lambda item: (-item[1], item[0][0] * THIRTY_DAYS + item[0][1]))
    if repeats == 1 and len(intervals) > 1:
        months, days = 0, (max(dates) - min(dates)).days // len(intervals)
    return BasePeriod(months, days) if months else BasePeriod(0, min(days, YEAR_DAYS))


@lru_cache(maxsize=1024)
@precise
def _share(part: int, whole: int) -> Decimal:
    """Return part/whole: a schedule asks for the same few again and again."""
    return Decimal(part) / whole


def _position(start: date, day: date, base: BasePeriod) -> tuple[int, Decimal]:
    """Whole base periods since the payout and the rest as a fraction of one; months are equal, 30 days each."""
    if base.days:
        whole, rest = divmod((day - start).days, base.days)
        return whole, Decimal(rest) / base.days
    months = months_between(start, day)
    spare = months % base.months
    if day.day == start.day or (not spare and is_whole_months(start, day, months)):
        return months // base.months, _share(spare, base.months)
    days = (day - add_months(start, months)).days
    return months // base.months, _share(spare * THIRTY_DAYS + days, base.months * THIRTY_DAYS)


@precise
def psk(flows: Sequence[DatedFlow], base: BasePeriod = MONTH, *, near: Decimal = USUAL_RATE) -> Decimal:
    """Return ПСК in per cent, unrounded, of dated flows; time runs from the first payout. Raises NoRateFound.

    `base` is the month of a monthly schedule, the result of `base_period` for others, or THIRTY_DAY_PERIOD for the
    reading that takes a month as 30 days.
    """
    start = min(flow.date for flow in flows)
    timed = [Flow(amount, *_position(start, day, base)) for day, amount in flows]
    return psk_from_periods(timed, base.per_year, near=near)


def _yearly_rate(flows: Iterable[Flow], periods_a_year: int, near: Decimal = USUAL_RATE) -> Decimal:
    """Return the effective yearly rate of flows timed in parts of a year, as a fraction."""
    flows = in_order(flows)
    changes = sign_changes(flows)
    value = present_value(flows, compound_rest=True)
    if changes == 1:
        guess = max(near / periods_a_year / PERCENT, LEAST_RATE)
        growth = (1 + only_root(value, flows[0].amount, guess)) ** periods_a_year
        if not 1 / HIGHEST_GROWTH < growth < HIGHEST_GROWTH:
            raise NoRateFound("no rate in the searched range")
        return growth - 1
    part = Decimal(1) / periods_a_year
    return root_near_zero(lambda rate: value((1 + rate) ** part - 1), changes)


def _year_ending(day: date) -> int:
    """Return the length of the year that ends on this day: 366 if 29 February lies in (a year earlier, day]."""
    holder = day.year if (day.month, day.day) >= (2, 29) else day.year - 1
    return days_in_year(holder)


class EuTime(NamedTuple):
    """Time by the EU rule: whole `periods`, `per_year` of them a year, then `days` over `year_days`."""

    periods: int
    per_year: int
    days: int
    year_days: int


def _eu_time(start: date, end: date, regular_period: str) -> EuTime:
    if regular_period == "week":
        weeks = (end - start) // WEEK
        middle = end - weeks * WEEK
        return EuTime(weeks, WEEKS_A_YEAR, (middle - start).days, _year_ending(middle))
    months, middle = _months_back(start, end, MONTHS_A_YEAR if regular_period == "year" else 1)
    if middle == start:
        return EuTime(months, MONTHS_A_YEAR, 0, YEAR_DAYS)
    return EuTime(months, MONTHS_A_YEAR, (middle - start).days, _year_ending(middle))


def _months_back(start: date, end: date, step: int) -> tuple[int, date]:
    """Whole steps of months counted back from the end, and the day they reach: the start where nothing is left."""
    months = (end.year - start.year) * MONTHS_A_YEAR + end.month - start.month
    if step == 1 and end.day == start.day:
        return months, start
    months -= months % step
    if is_whole_months(start, end, months):
        return months, start
    middle = add_months(end, -months)
    return (months, middle) if middle >= start else (months - step, add_months(end, step - months))


def eu_interval(start: date, end: date, regular_period: str = "month") -> Fraction:
    """Return the time of a flow in years by the EU rule (SWD(2012)128, 4.1.1).

    Whole years, months (1/12) or weeks (1/52) are counted back from the later date; the days left are over 365, or
    366 where the year ending at that intermediate date holds a 29 February.
    """
    periods, per_year, days, year_days = _eu_time(start, end, regular_period)
    return Fraction(periods, per_year) + Fraction(days, year_days)


@precise
def apr_eu_from_years(flows: Iterable[tuple[Decimal, Fraction]]) -> Decimal:
    """Return the APR of directive 2008/48/EC, annex I, in per cent, unrounded, of (amount, years) pairs.

    Payouts are negative, payments positive. Raises NoRateFound.
    """
    timed = []
    for amount, years in flows:
        whole, rest = divmod(years * MONTHS_A_YEAR, 1)
        timed.append(Flow(amount, whole, Decimal(rest.numerator) / rest.denominator))
    return _yearly_rate(timed, MONTHS_A_YEAR) * PERCENT


@precise
def apr_eu_from_periods(
    flows: Iterable[Flow], periods_a_year: int = MONTHS_A_YEAR, *, near: Decimal = USUAL_RATE
) -> Decimal:
    """Return the EU APR in per cent, unrounded, of flows timed in equal parts of a year; `near` as in ПСК.

    Raises NoRateFound.
    """
    return _yearly_rate(flows, periods_a_year, near) * PERCENT


@precise
def apr_eu(flows: Sequence[DatedFlow], regular_period: str = "month", *, near: Decimal = USUAL_RATE) -> Decimal:
    """Return the EU APR in per cent, unrounded, of dated flows; `near` as in ПСК. Raises NoRateFound."""
    start = min(flow.date for flow in flows)
    per_year, timed = MONTHS_A_YEAR, []
    for day, amount in flows:
        periods, per_year, days, year_days = _eu_time(start, day, regular_period)
        timed.append(Flow(amount, periods, _share(per_year * days, year_days)))
    return apr_eu_from_periods(timed, per_year, near=near)


@precise
def apr_us_from_periods(flows: Iterable[Flow], unit_periods_a_year: Decimal) -> Decimal:
    """Return the APR of Regulation Z, Appendix J, in per cent, unrounded: the unit-period rate times the unit
    periods of a year; a fraction of a period discounts simply. Raises NoRateFound.
    """
    return least_positive_root(flows) * unit_periods_a_year * PERCENT


def _us_position(start: date, day: date, months: int) -> tuple[int, Decimal]:
    """Unit periods of `months` counted back from the payment; odd days over 30*months (Appendix J (b)(5))."""
    whole = whole_months_back(start, day) // months
    if is_whole_months(start, day, whole * months):
        return whole, Decimal(0)
    odd_days = (add_months(day, -whole * months) - start).days
    return whole, Decimal(odd_days) / (THIRTY_DAYS * months)


def _us_single(start: date, day: date) -> tuple[int, Decimal]:
    """A single payment: the unit is a year; whole months are twelfths, else days over 365 (Appendix J (b)(5)(vi))."""
    months = whole_months_back(start, day)
    if is_whole_months(start, day, months):
        return months // MONTHS_A_YEAR, Decimal(months % MONTHS_A_YEAR) / MONTHS_A_YEAR
    whole = months // MONTHS_A_YEAR
    return whole, Decimal((add_months(day, -whole * MONTHS_A_YEAR) - start).days) / YEAR_DAYS


@precise
def apr_us(flows: Sequence[DatedFlow], months: int = 1) -> Decimal:
    """Return the US APR in per cent, unrounded, of dated flows with a unit period of `months`. Raises NoRateFound."""
    start = min(flow.date for flow in flows)
    if len({flow.date for flow in flows}) == 2:
        single = [Flow(amount, *_us_single(start, day)) for day, amount in flows]
        return apr_us_from_periods(single, Decimal(1))
    timed = [Flow(amount, *_us_position(start, day, months)) for day, amount in flows]
    return apr_us_from_periods(timed, Decimal(MONTHS_A_YEAR) / months)


@precise
def xirr(flows: Sequence[DatedFlow], day_count: DayCount = DayCount.ACTUAL_365) -> Decimal:
    """Return the effective yearly rate of dated flows as a fraction, nearest to zero where several exist.

    Spreadsheets call it XIRR; it is never shown as ПСК. Raises NoRateFound.
    """
    start = min(flow.date for flow in flows)
    if day_count is DayCount.ACTUAL_365:
        timed = [Flow(amount, (day - start).days) for day, amount in flows]
        return _yearly_rate(timed, YEAR_DAYS)
    timed = [Flow(amount, 0, year_fraction(start, day, day_count)) for day, amount in flows]
    return _yearly_rate(timed, 1)


@precise
def xnfv(rate: Decimal, flows: Sequence[DatedFlow], day_count: DayCount = DayCount.ACTUAL_365) -> Decimal:
    """Return the value of dated flows on the last date at an effective yearly `rate` (a fraction), unrounded."""
    start, end = min(flow.date for flow in flows), max(flow.date for flow in flows)
    whole = year_fraction(start, end, day_count)
    growth = (amount * (1 + rate) ** (whole - year_fraction(start, day, day_count)) for day, amount in flows)
    return sum(growth, Decimal(0))
