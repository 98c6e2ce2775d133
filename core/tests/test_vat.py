from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import ZERO
from core.money.vat import RATES, NoTaxRule, Regime, VatKind, compute_vat, find_percent, find_regime, reckon

KOPECKS = st.integers(0, 10**12).map(lambda amount: Decimal(amount) / 100)


@pytest.mark.parametrize(
    ("day", "percent"),
    [
        (date(2019, 1, 1), 20),
        (date(2025, 12, 31), 20),
        (date(2026, 1, 1), 22),
        (date(2031, 5, 5), 22),
    ],
)
def test_the_rate_is_that_of_the_day(day, percent):
    assert find_percent(Regime.GENERAL, VatKind.STANDARD, day) == percent


def test_a_day_without_a_row_is_refused():
    with pytest.raises(NoTaxRule):
        find_percent(Regime.GENERAL, VatKind.STANDARD, date(2018, 12, 31))
    with pytest.raises(NoTaxRule):
        find_percent(Regime.SIMPLIFIED_5, VatKind.STANDARD, date(2024, 12, 31))
    with pytest.raises(NoTaxRule):
        find_percent(Regime.SIMPLIFIED_7, VatKind.MARGIN, date(2026, 1, 1))


def test_a_regime_holds_from_its_first_day():
    rows = [(date(2026, 1, 1), Regime.SIMPLIFIED_5), (date(2025, 1, 1), Regime.GENERAL)]
    assert find_regime(rows, date(2025, 12, 31)) == Regime.GENERAL
    assert find_regime(rows, date(2026, 1, 1)) == Regime.SIMPLIFIED_5
    with pytest.raises(NoTaxRule):
        find_regime(rows, date(2024, 12, 31))


@pytest.mark.parametrize(
    ("regime", "kind", "total", "cost", "percent", "amount"),
    [
        ("general", "standard", "1220000.00", None, 22, "220000.00"),
        ("general", "reduced", "110.00", None, 10, "10.00"),
        ("general", "zero", "110.00", None, 0, "0.00"),
        ("general", "exempt", "110.00", None, None, "0.00"),
        ("general", "margin", "1222000.00", "1000000.00", 22, "40032.79"),
        ("general", "margin", "900000.00", "1000000.00", 22, "0.00"),
        ("simplified", "standard", "122.00", None, None, "0.00"),
        ("simplified", "margin", "122.00", None, None, "0.00"),
        ("simplified_5", "standard", "105.00", None, 5, "5.00"),
        ("simplified_7", "reduced", "107.00", None, 7, "7.00"),
    ],
)
def test_the_tax_is_within_the_price(regime, kind, total, cost, percent, amount):
    found = reckon(
        Regime(regime), VatKind(kind), date(2026, 3, 1), Decimal(total), None if cost is None else Decimal(cost)
    )
    assert (found.percent, found.amount) == (percent, Decimal(amount))


def test_the_margin_scheme_needs_a_cost():
    with pytest.raises(NoTaxRule):
        reckon(Regime.GENERAL, VatKind.MARGIN, date(2026, 3, 1), Decimal(100))


@given(KOPECKS, st.sampled_from(sorted({row.percent for row in RATES})))
def test_it_is_rounded_half_up(amount, percent):
    exact = Fraction(amount) * percent / (100 + percent)
    assert compute_vat(amount, percent) == Decimal(int(exact * 100 + Fraction(1, 2))) / 100
    assert ZERO <= compute_vat(amount, percent) <= amount


def test_every_rate_names_its_source():
    assert all(row.source for row in RATES)
    assert len({(row.regime, row.kind, row.since) for row in RATES}) == len(RATES)
