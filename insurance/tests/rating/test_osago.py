from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import money
from insurance.rules.rating import (
    Dated,
    Driver,
    InvalidRisk,
    Owner,
    TariffMissing,
    hp_of_kw,
    multiply,
    osago_premium,
    row_on,
)
from insurance.rules.rating.tariffs import KBM, OSAGO, UNTIL_7204
from insurance.tests.rating.make import BASE, DAY, drivers, moderate, named, osago_risk, osago_risks, rub


def premium(risk, base=BASE):
    return osago_premium(risk, OSAGO, base)


def factors(risk):
    return {factor.code: factor.value for factor in premium(risk).breakdown}


@given(risk=osago_risks(), seed=st.integers())
@moderate
def test_the_breakdown_multiplies_to_the_premium_in_any_order(risk, seed):
    result = premium(risk)
    shuffled = list(result.breakdown)
    Random(seed).shuffle(shuffled)
    assert multiply(shuffled).unrounded == result.unrounded
    assert result.amount == money(result.unrounded)
    assert [factor.code for factor in result.breakdown] == ["tb", "kt", "kbm", "kvs", "ko", "km", "ks"]


@given(risk=osago_risks(), base=rub(1399, 8664))
@moderate
def test_a_higher_base_rate_is_dearer_and_the_premium_stays_in_the_corridor(risk, base):
    result = premium(risk, base)
    assert premium(risk, base + 1).unrounded > result.unrounded
    rest = result.unrounded / base
    assert 1399 * rest <= result.unrounded <= 8665 * rest


@given(risk=osago_risks(), more=drivers())
@moderate
def test_another_driver_never_lowers_the_premium(risk, more):
    wider = replace(risk, drivers=[*risk.drivers, more])
    assert premium(wider).amount >= premium(risk).amount


@given(risk=osago_risks(), driver=drivers())
@moderate
def test_a_list_of_one_is_that_driver(risk, driver):
    alone = factors(replace(risk, drivers=[driver]))
    assert alone["kbm"] == KBM[driver.kbm_class]
    assert alone == factors(replace(risk, drivers=[driver, driver]))


@given(risk=osago_risks(), hp=rub(1, 600))
@moderate
def test_more_power_and_longer_use_are_never_cheaper(risk, hp):
    stronger = replace(risk, power_hp=risk.power_hp + hp)
    assert premium(stronger).amount >= premium(risk).amount
    longer = replace(risk, months_of_use=12)
    assert premium(longer).amount >= premium(risk).amount


@given(risk=osago_risks(), months=st.tuples(st.integers(3, 12), st.integers(3, 12)).map(sorted))
@moderate
def test_a_shorter_use_is_never_dearer(risk, months):
    shorter, longer = (premium(replace(risk, months_of_use=count)).amount for count in months)
    assert shorter <= longer


@given(risk=osago_risks(), which=st.integers(0, 6), more=rub(1, 5))
@moderate
def test_any_factor_that_grows_makes_the_premium_grow(risk, which, more):
    result = premium(risk)
    grown = list(result.breakdown)
    grown[which] = replace(grown[which], value=grown[which].value + more)
    assert multiply(grown).unrounded > result.unrounded


@given(risk=osago_risks(), people=named, owner=st.sampled_from(sorted(KBM)))
@moderate
def test_no_limit_on_drivers_ignores_them(risk, people, owner):
    open_list = factors(replace(risk, drivers=None, owner_kbm_class=owner))
    assert (open_list["kbm"], open_list["kvs"], open_list["ko"]) == (KBM[owner], 1, Decimal("2.32"))
    limited = factors(replace(risk, drivers=people, owner_kbm_class=owner))
    assert limited == factors(replace(risk, drivers=list(reversed(people)), owner_kbm_class="3"))


def test_the_worst_class_and_the_worst_experience_may_be_of_different_drivers():
    mixed = factors(osago_risk(drivers=[Driver(20, 1, "13"), Driver(50, 20, "M")]))
    assert (mixed["kvs"], mixed["kbm"]) == (Decimal("1.92"), Decimal("3.92"))


def test_no_limit_on_drivers_asks_for_the_owner_only():
    unlimited = factors(osago_risk(drivers=None, owner_kbm_class="5"))
    assert (unlimited["ko"], unlimited["kvs"], unlimited["kbm"]) == (Decimal("2.32"), 1, Decimal("0.91"))


def test_a_legal_entity_insures_without_a_limit():
    old = {"owner": Owner.LEGAL_ENTITY, "start": UNTIL_7204}
    assert osago_premium(osago_risk(drivers=None, **old), OSAGO, Decimal(1000)).breakdown[4].value == Decimal("1.97")
    with pytest.raises(InvalidRisk) as refusal:
        osago_premium(osago_risk(**old), OSAGO, Decimal(1000))
    assert (refusal.value.field, refusal.value.code) == ("drivers", "invalid")


def test_the_corridor_is_that_of_the_first_day():
    assert premium(osago_risk(start=UNTIL_7204), Decimal(1646)).amount > 0
    for start, base in ((UNTIL_7204, 1645), (UNTIL_7204, 7536), (DAY, 1398), (DAY, 8666)):
        with pytest.raises(InvalidRisk) as refusal:
            premium(osago_risk(start=start), Decimal(base))
        assert (refusal.value.field, refusal.value.code) == ("base_rate", "outside_corridor")


def test_motorcycles_have_no_power_factor():
    assert osago_premium(osago_risk(category="A"), OSAGO, Decimal(300)).breakdown[5].value == 1


@pytest.mark.parametrize(
    ("changes", "kp"),
    [
        ({"transit_days": 5}, "0.2"),
        ({"transit_days": 16}, "0.3"),
        ({"transit_months": 4}, "0.6"),
        ({"transit_months": 12}, "1"),
    ],
)
def test_transit_takes_the_term_in_place_of_the_use(changes, kp):
    last = premium(osago_risk(**changes)).breakdown[-1]
    assert (last.code, last.value) == ("kp", Decimal(kp))


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"months_of_use": 2}, "months_of_use", "min_value"),
        ({"power_hp": Decimal(0)}, "engine_power", "min_value"),
        ({"drivers": []}, "drivers", "required"),
        ({"drivers": [Driver(15, 0)]}, "drivers", "too_young"),
        ({"drivers": [Driver(20, 8)]}, "drivers", "experience_impossible"),
        ({"drivers": [Driver(20, -1)]}, "drivers", "experience_impossible"),
        ({"drivers": [Driver(30, 5, "14")]}, "drivers", "invalid_choice"),
        ({"transit_days": -1}, "term_months", "min_value"),
    ],
)
def test_impossible_risks_are_refused_by_field(changes, field, code):
    with pytest.raises(InvalidRisk) as refusal:
        premium(osago_risk(**changes))
    assert (refusal.value.field, refusal.value.code) == (field, code)
    assert refusal.value.detail


@pytest.mark.parametrize("changes", [{"category": "D"}, {"region": "Атлантида"}, {"start": date(2020, 1, 1)}])
def test_what_no_row_covers_is_refused_by_name(changes):
    with pytest.raises(TariffMissing) as refusal:
        premium(osago_risk(**changes))
    assert refusal.value.table


@given(classes=st.sampled_from(sorted(KBM)), claims=st.integers(0, 9))
@moderate
def test_classes_move_within_the_table_and_claims_never_help(classes, claims):
    moved = OSAGO.next_kbm_class(classes, claims, DAY)
    assert KBM[moved] <= KBM[OSAGO.next_kbm_class(classes, claims + 1, DAY)]


@pytest.mark.parametrize(("kbm_class", "claims"), [("14", 0), ("3", -1)])
def test_an_impossible_move_is_refused(kbm_class, claims):
    with pytest.raises(InvalidRisk):
        OSAGO.next_kbm_class(kbm_class, claims, DAY)


def test_the_newest_row_wins_whatever_the_order():
    rows = [Dated(value, date(2020 + value, 1, 1), "test") for value in (1, 3, 2)]
    assert row_on(rows, date(2024, 1, 1), "test").value == 3
    assert row_on(reversed(rows), date(2022, 6, 1), "test").value == 2


def test_kilowatts_are_horsepower():
    assert hp_of_kw(Decimal(100)) == Decimal("135.962")
