from datetime import date, timedelta
from decimal import Decimal

import pytest
import pyxirr
from hypothesis import given
from hypothesis import strategies as st

from financing.rules.calculations import DayCount, due_dates, interest_factor, interest_factors, year_fraction
from financing.rules.calculations.daycount import days_between
from financing.tests.calculations.make import actual_bases, days, moderate

TINY = Decimal("1e-25")
RATE = Decimal("0.15")
# Our name -> pyxirr's.
SAME_IN_PYXIRR = {
    DayCount.ACTUAL_ACTUAL_ISDA: "act/act isda",
    DayCount.ACTUAL_365: "act/365f",
    DayCount.ACTUAL_365_25: "act/365.25",
    DayCount.ACTUAL_364: "act/364",
    DayCount.ACTUAL_360: "act/360",
    DayCount.BOND: "30/360 isda",
    DayCount.EUROBOND: "30e/360",
    DayCount.EUROBOND_PLUS: "30e+/360",
    DayCount.GERMAN: "30e/360 isda",
    DayCount.US: "30u/360",
}
spans = st.tuples(days, st.integers(1, 1500)).map(lambda pair: (pair[0], pair[0] + timedelta(days=pair[1])))


@given(span=spans, cut=st.floats(0, 1), basis=actual_bases)
@moderate
def test_the_parts_of_a_period_cost_as_much_as_the_whole(span, cut, basis):
    start, end = span
    middle = start + timedelta(days=int((end - start).days * cut))
    parts = interest_factor(RATE, start, middle, basis) + interest_factor(RATE, middle, end, basis)
    assert abs(parts - interest_factor(RATE, start, end, basis)) < TINY


@given(span=spans, cut=st.floats(0, 1))
@moderate
def test_the_parts_of_a_month_under_30_360_sum_to_the_whole(span, cut):
    start, end = span
    middle = start + timedelta(days=int((end - start).days * cut))
    parts = [interest_factor(RATE, *part, DayCount.THIRTY_360, span) for part in ((start, middle), (middle, end))]
    assert abs(sum(parts) - interest_factor(RATE, start, end, DayCount.THIRTY_360)) < TINY


@given(span=spans, basis=st.sampled_from(sorted(SAME_IN_PYXIRR)))
@moderate
def test_day_counts_agree_with_pyxirr(span, basis):
    name = SAME_IN_PYXIRR[basis]
    assert float(year_fraction(*span, basis)) == pytest.approx(pyxirr.year_fraction(*span, name), abs=1e-12)
    assert days_between(*span, basis) == pyxirr.days_between(*span, name)


@given(first=days, count=st.integers(1, 60))
@moderate
def test_every_whole_month_is_one_twelfth_under_30_360(first, count):
    due = due_dates(first, count + 1)
    factors = interest_factors(Decimal("0.12"), due[0], due[1:], DayCount.THIRTY_360)
    assert factors == [Decimal("0.01")] * count


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2026-02-10", "2026-03-05", Decimal(23) / 28),  # of the month 5 February - 5 March
        ("2026-01-20", "2026-03-05", 1 + Decimal(16) / 31),
        ("2026-03-31", "2026-04-30", Decimal(1)),
        ("2026-03-31", "2026-05-30", Decimal(1) + Decimal(30) / 31),
        ("2026-01-29", "2026-02-28", Decimal(1)),
        ("2026-02-28", "2026-05-31", Decimal(3)),
    ],
)
def test_a_broken_first_period_costs_its_days_of_a_month(start, end, months):
    fraction = year_fraction(date.fromisoformat(start), date.fromisoformat(end), DayCount.THIRTY_360)
    assert abs(fraction * 12 - months) < TINY


def test_the_russian_year_counts_a_day_in_the_year_it_is_in():
    span = date(2023, 12, 31), date(2024, 1, 1)
    assert year_fraction(*span, DayCount.ACTUAL_ACTUAL) == pytest.approx(Decimal(1) / 366)
    assert year_fraction(*span, DayCount.ACTUAL_ACTUAL_ISDA) == pytest.approx(Decimal(1) / 365)


def test_whole_years_lie_between_the_ends():
    assert year_fraction(date(2021, 7, 1), date(2025, 7, 1), DayCount.ACTUAL_365) == pytest.approx(Decimal(1461) / 365)
    assert year_fraction(date(2021, 7, 1), date(2025, 7, 1), DayCount.ACTUAL_ACTUAL) == 4


@pytest.mark.parametrize(("end", "expected"), [("2025-02-28", 360), ("2024-03-31", 30), ("2024-03-15", 15)])
def test_the_us_rule_takes_the_end_of_february_as_the_30th(end, expected):
    assert days_between(date(2024, 2, 29), date.fromisoformat(end), DayCount.US) == expected
