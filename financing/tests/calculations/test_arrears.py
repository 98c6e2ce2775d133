from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from financing.rules.calculations import (
    OverduePart,
    Part,
    ageing_bucket,
    allocate,
    capped_daily_rate,
    compute_penalty,
    days_past_due,
    late_penalty,
)
from financing.rules.calculations.rounding import KOPECK
from financing.tests.calculations.make import days, moderate, rub

RATE = Decimal("0.001")
owed_sums = st.dictionaries(st.sampled_from(Part), rub(0, 10_000))


@given(overdue=rub(0, 100_000), first=st.integers(0, 400), second=st.integers(0, 400))
@moderate
def test_a_penalty_is_the_sum_of_its_intervals(overdue, first, second):
    parts = late_penalty(overdue, RATE, first) + late_penalty(overdue, RATE, second)
    assert abs(parts - late_penalty(overdue, RATE, first + second)) <= KOPECK
    assert late_penalty(overdue, RATE, 0) == 0


@given(due=days, amounts=st.lists(rub(1, 10_000), max_size=5), wait=st.integers(-5, 100))
@moderate
def test_the_penalty_is_a_function_of_dates(due, amounts, wait):
    parts = [OverduePart(amount, due, due + timedelta(days=wait)) for amount in amounts]
    expected = sum(late_penalty(amount, RATE, max(wait, 0)) for amount in amounts)
    assert compute_penalty(parts, RATE) == compute_penalty(reversed(parts), RATE) == expected


@given(payment=rub(0, 50_000), owed=owed_sums, order=st.permutations(list(Part)))
@moderate
def test_allocations_sum_to_the_payment_and_no_part_is_overpaid(payment, owed, order):
    spent, left = allocate(payment, owed, order)
    assert sum(spent.values()) + left == payment
    assert all(0 <= spent[part] <= owed.get(part, 0) for part in Part)
    assert left == 0 or all(spent[part] == owed.get(part, 0) for part in Part)


def test_overdue_sums_come_before_penalties_and_current_ones():
    owed = {Part.PENALTY: Decimal(50), Part.OVERDUE_INTEREST: Decimal(30), Part.OVERDUE_PRINCIPAL: Decimal(100)}
    spent, left = allocate(Decimal(150), owed)
    assert (spent[Part.OVERDUE_INTEREST], spent[Part.OVERDUE_PRINCIPAL], spent[Part.PENALTY], left) == (30, 100, 20, 0)


def test_days_past_due_begin_the_day_after():
    assert [days_past_due(date(2026, 3, 10), date(2026, 3, day)) for day in (9, 10, 11)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("days_late", "bucket"),
    [(0, "current"), (1, "1-30"), (30, "1-30"), (31, "31-60"), (90, "61-90"), (91, "90+"), (900, "90+")],
)
def test_buckets_of_ageing(days_late, bucket):
    assert ageing_bucket(days_late) == bucket


def test_the_law_caps_the_daily_rate():
    assert capped_daily_rate(Decimal("0.005"), interest_accrues=False) == RATE
    assert capped_daily_rate(RATE, interest_accrues=True) * 365 == pytest.approx(Decimal("0.2"))
    assert capped_daily_rate(Decimal("0.0001"), interest_accrues=True) == Decimal("0.0001")
