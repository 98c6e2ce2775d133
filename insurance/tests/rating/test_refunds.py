from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.rules.rating import InvalidRisk, Policy, refund_of_days, refund_of_share, refund_on
from insurance.tests.rating.make import moderate, policies, rub

DAY = timedelta(days=1)
YEAR = Policy(
    premium=Decimal("36500.00"), concluded=date(2026, 1, 1), start=date(2026, 1, 11), end=date(2027, 1, 10),
    retained_share=Decimal("0.23"),
)  # fmt: skip


@given(policy=policies(), after=st.integers(-40, 400), claims=rub(0, 400_000))
@moderate
def test_a_refund_is_never_negative_nor_more_than_was_paid(policy, after, claims):
    policy = replace(policy, claims_paid=claims, has_claims=claims > 0)
    result = refund_on(policy, policy.start + after * DAY)
    assert 0 <= result.refund <= max(policy.premium - claims, 0)
    assert result.earned + result.refund == policy.premium


@given(policy=policies(), after=st.integers(-40, 400))
@moderate
def test_a_refund_never_grows_with_time(policy, after):
    day = policy.start + after * DAY
    assert refund_on(policy, day + DAY).refund <= refund_on(policy, day).refund


@given(premium=rub(0, 100_000), share=st.integers(0, 100))
@moderate
def test_a_share_splits_the_premium(premium, share):
    result = refund_of_share(premium, Decimal(share) / 100)
    assert result.earned + result.refund == premium


def test_all_is_returned_before_the_cover_starts():
    assert refund_on(YEAR, YEAR.start - DAY).refund == YEAR.premium


def test_the_cooling_off_is_pro_rata_without_retention():
    assert refund_on(YEAR, date(2026, 1, 15)).refund == 36_000  # five days of 365 are used
    assert refund_on(replace(YEAR, has_claims=True), date(2026, 1, 15)).refund == Decimal("27720.00")
    assert refund_on(replace(YEAR, is_voluntary=False), date(2026, 1, 15)).refund == Decimal("27720.00")


def test_later_the_insurer_keeps_its_share():
    assert refund_on(YEAR, date(2026, 1, 16)).refund == Decimal("27643.00")  # 36 500 * 0.77 * 359/365


def test_the_last_day_of_cover_leaves_nothing():
    assert refund_on(YEAR, YEAR.end).refund == 0
    assert refund_on(YEAR, YEAR.end + DAY).refund == 0


def test_a_leap_year_has_366_days():
    assert replace(YEAR, start=date(2028, 1, 1), end=date(2028, 12, 31)).term_days == 366


@pytest.mark.parametrize(("term", "used"), [(0, 0), (10, -1)])
def test_impossible_days_are_refused(term, used):
    with pytest.raises(InvalidRisk):
        refund_of_days(Decimal(100), term, used)
