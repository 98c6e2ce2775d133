from decimal import Decimal
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import money
from insurance.rules.rating import Driver, InvalidRisk, TariffMissing, kasko_from_factors, kasko_premium
from insurance.tests.rating.make import KASKO, drivers, kasko_risk, moderate, named, rub

ONE = Decimal(1)
coefficients = st.dictionaries(
    st.text("abc", min_size=1), st.integers(50, 200).map(lambda share: Decimal(share) / 100), max_size=6
)


def premium(**changes):
    return kasko_premium(kasko_risk(**changes), KASKO)


@given(value=rub(100_000, 9_000_000), factors=coefficients, gap=rub(0, 2), least=rub(0, 100_000))
@moderate
def test_the_breakdown_multiplies_to_the_premium(value, factors, gap, least):
    result = kasko_from_factors(
        value, Decimal("7.35"), factors, {"gap": gap}, {"accident": Decimal(3000)}, minimum=least
    )
    assert money(prod(line.value for line in result.breakdown)) == result.premium
    assert result.premium == max(money(value * result.tariff_percent / 100), least)
    assert result.total == result.premium + 3000


@given(factors=coefficients)
@moderate
def test_the_order_of_factors_does_not_matter(factors):
    turned = dict(reversed(factors.items()))
    ours, theirs = (kasko_from_factors(Decimal(10**6), Decimal(7), some, {}, {}) for some in (factors, turned))
    assert (ours.premium, ours.tariff) == (theirs.premium, theirs.tariff)


@given(people=named, more=drivers())
@moderate
def test_another_driver_never_lowers_the_premium(people, more):
    assert premium(drivers=[*people, more]).premium >= premium(drivers=people).premium


@given(deductible=st.sampled_from([0, 5000, 10_000, 15_000, 20_000, 25_000, 30_000]), group=st.sampled_from("123"))
@moderate
def test_a_deductible_never_makes_a_policy_dearer(deductible, group):
    free = premium(vehicle_group=group).premium
    assert premium(vehicle_group=group, deductible=Decimal(deductible)).premium <= free


def test_a_known_premium():
    result = premium(deductible=Decimal(10_000), instalments=2)
    # 8.76 % * 0.65 (40 years, 15 at the wheel) * 0.9 * 1.03 = 5.2783... -> 5.28 %
    assert (result.tariff_percent, result.premium) == (Decimal("5.28"), Decimal("105600.00"))


def test_an_open_list_and_a_pledge_are_dearer():
    assert premium(drivers=None).tariff_percent == Decimal("13.14")  # 8.76 * 1.5
    assert premium(pledged_to_outside_bank=True).tariff_percent == Decimal("5.98")  # 8.76 * 0.65 * 1.05


@pytest.mark.parametrize(("months", "factor"), [(1, "0.7"), (6, "0.7"), (7, "0.75"), (11, "1"), (12, "1")])
def test_a_short_policy_takes_the_next_term_offered(months, factor):
    assert KASKO.months_factor(months) == Decimal(factor)


def test_the_minimum_holds_and_zero_has_no_ratio():
    small = kasko_premium(kasko_risk(), KASKO, minimum=Decimal(999_999))
    assert (small.premium, small.breakdown[-1].code) == (999_999, "minimum")
    nothing = kasko_from_factors(Decimal("0.01"), Decimal("0.001"), {}, {}, {}, minimum=Decimal(5))
    assert nothing.premium == 5
    assert [line.code for line in nothing.breakdown] == ["sum_insured", "base_rate", "rounding"]


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"sum_insured": Decimal(0)}, "coverage_amount", "min_value"),
        ({"sum_insured": Decimal(2_000_001)}, "coverage_amount", "max_value"),
        ({"additions_percent": {"gap": Decimal(-1)}}, "gap", "min_value"),
        ({"drivers": []}, "drivers", "required"),
        ({"drivers": [Driver(17, 0)]}, "drivers", "too_young"),
        ({"deductible": Decimal(7)}, "deductible", "invalid_choice"),
        ({"instalments": 4}, "instalments", "invalid_choice"),
        ({"months": 0}, "term_months", "out_of_range"),
        ({"months": 13}, "term_months", "out_of_range"),
    ],
)
def test_wrong_risks_are_refused_by_field(changes, field, code):
    with pytest.raises(InvalidRisk) as refusal:
        premium(**changes)
    assert (refusal.value.field, refusal.value.code) == (field, code)


@pytest.mark.parametrize("changes", [{"vehicle_age_years": 2}, {"vehicle_age_years": -1}])
def test_cars_outside_the_tariff_are_refused_by_name(changes):
    with pytest.raises(TariffMissing):
        premium(**changes)
    with pytest.raises(TariffMissing):
        KASKO.base_rate("9", "Moscow", 0)


def test_a_count_of_drivers_begins_at_one():
    assert [KASKO.drivers_count_factor(count) for count in (1, 3, 4, 99)] == [1, 1, Decimal("1.02"), Decimal("1.6")]
    with pytest.raises(InvalidRisk):
        KASKO.drivers_count_factor(0)
