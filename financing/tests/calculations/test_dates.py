from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from financing.rules.calculations import MonthEnd, Shift, WorkCalendar, add_months, due_dates, russian_calendar
from financing.rules.calculations.dates import days_in_month, is_whole_months, months_between, whole_months_back
from financing.tests.calculations.make import DECREES, days, moderate

RU = russian_calendar(range(2023, 2043), DECREES)


@given(first=days, count=st.integers(1, 120), every=st.integers(1, 12))
@moderate
def test_due_dates_rise_and_keep_the_anchor_day(first, count, every):
    due = due_dates(first, count, every=every)
    assert all(earlier < later for earlier, later in pairwise(due))
    assert all(day.day == min(first.day, days_in_month(day.year, day.month)) for day in due)


@given(day=days, rule=st.sampled_from(Shift))
@moderate
def test_a_shift_is_short_and_ends_on_a_working_day(day, rule):
    shifted = RU.shift(day, rule)
    assert abs((shifted - day).days) < 15
    assert rule is Shift.NONE or RU.is_working(shifted)
    assert rule is not Shift.MODIFIED_FOLLOWING or shifted.month == day.month


@given(start=days, months=st.integers(0, 400))
@moderate
def test_whole_months_are_found_from_either_end(start, months):
    end = add_months(start, months)
    assert is_whole_months(start, end, months)
    assert months_between(start, end) == whole_months_back(start, end) == months


@given(start=days, length=st.integers(0, 4000))
@moderate
def test_whole_months_never_pass_the_other_date(start, length):
    end = date.fromordinal(start.toordinal() + length)
    assert add_months(start, months_between(start, end)) <= end < add_months(start, months_between(start, end) + 1)
    back = whole_months_back(start, end)
    assert add_months(end, -back) >= start or is_whole_months(start, end, back)


def test_the_31st_is_clamped_and_comes_back():
    assert due_dates(date(2026, 1, 31), 3) == (date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31))


def test_a_missing_day_may_roll():
    assert add_months(date(2026, 1, 30), 1, MonthEnd.ROLL) == date(2026, 3, 1)
    assert add_months(date(2026, 1, 30), 2, MonthEnd.ROLL) == date(2026, 3, 30)


@pytest.mark.parametrize(
    ("day", "rule", "expected"),
    [
        ("2026-05-09", Shift.FOLLOWING, "2026-05-12"),  # Victory Day on Saturday, Monday off instead
        ("2026-05-31", Shift.MODIFIED_FOLLOWING, "2026-05-29"),
        ("2026-01-01", Shift.PRECEDING, "2025-12-30"),
        ("2025-11-01", Shift.FOLLOWING, "2025-11-01"),  # a working Saturday
        ("2027-05-01", Shift.FOLLOWING, "2027-05-04"),  # no decree yet: Saturday's holiday is made up for on Monday
        ("2027-05-09", Shift.FOLLOWING, "2027-05-11"),
        ("2027-06-12", Shift.PRECEDING, "2027-06-11"),
        ("2028-01-01", Shift.FOLLOWING, "2028-01-10"),  # and those of 1 to 8 January by decree only
        ("2030-02-23", Shift.FOLLOWING, "2030-02-26"),
    ],
)
def test_russian_days_off_include_the_moved_ones(day, rule, expected):
    assert RU.shift(date.fromisoformat(day), rule) == date.fromisoformat(expected)


def test_a_plain_calendar_knows_the_weekend_only():
    assert WorkCalendar().shift(date(2026, 6, 13), Shift.FOLLOWING) == date(2026, 6, 15)
