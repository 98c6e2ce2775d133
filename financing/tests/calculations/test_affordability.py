from decimal import Decimal

import pytest

from financing.rules.calculations import (
    DebtLoad,
    InvalidTerms,
    assumed_card_payment,
    assumed_payment,
    debt_load_percent,
    debt_load_tier,
    loan_to_value_percent,
)


def test_debt_load_is_all_payments_over_income():
    assert debt_load_percent([Decimal(30_000), Decimal(10_000)], Decimal(100_000)) == 40


def test_no_income_is_refused_by_name():
    with pytest.raises(InvalidTerms) as refusal:
        debt_load_percent([], Decimal(0))
    assert (refusal.value.field, refusal.value.code) == ("monthly_income", "income_zero")


@pytest.mark.parametrize(
    ("percent", "tier"),
    [("50", DebtLoad.LOW), ("50.01", DebtLoad.MODERATE), ("80", DebtLoad.MODERATE), ("80.01", DebtLoad.HIGH)],
)
def test_tiers_include_their_upper_border(percent, tier):
    assert debt_load_tier(Decimal(percent)) is tier


def test_payments_are_assumed_where_no_schedule_is_known():
    assert assumed_payment(Decimal(1200), Decimal(0), 12, overdue=Decimal(5)) == 105
    assert assumed_card_payment(Decimal(100_000)) == 5000


def test_loan_to_value():
    assert loan_to_value_percent(Decimal(900), Decimal(1000)) == 90
