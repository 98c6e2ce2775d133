"""From a request to a premium."""

from datetime import date
from decimal import Decimal
from math import prod

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.money import money
from insurance.rules import tariffs
from insurance.rules.pricing import last_day, price, read_request
from insurance.tests import make

DAY = date(2026, 3, 1)


def rated(raw, **changes):
    return price(read_request(raw | changes), DAY)


def codes(result):
    return [factor.code for factor in result.breakdown]


def values(result):
    return {factor.code: factor.value for factor in result.breakdown}


def test_osago_is_the_product_of_its_coefficients():
    result = rated(make.OSAGO)
    assert codes(result) == ["tb", "kt", "kbm", "kvs", "ko", "km", "ks"]
    assert result.premium == Decimal("4068.79") == money(prod(values(result).values()))
    assert result.coverage_amount == tariffs.OSAGO_LIMIT


def test_kasko_multiplies_to_the_kopeck():
    result = rated(make.KASKO, coverage_amount="1234567.89", drivers=None)
    assert result.premium == money(prod(values(result).values()))
    assert values(result)["driver"] == Decimal("1.5")
    assert values(result)["deductible"] == Decimal("0.9")


@pytest.mark.parametrize(
    ("changes", "code", "value"),
    [
        ({"drivers": None}, "ko", "2.32"),
        ({"drivers": None}, "kbm", "1.17"),
        ({"drivers": None}, "kvs", "1"),
        ({"drivers": [make.DRIVER | {"kbm": "0.46"}]}, "kbm", "0.46"),
        ({"drivers": [make.DRIVER | {"kbm": 0.63}]}, "kbm", "0.63"),
        ({"drivers": [make.DRIVER | {"kbm": 3}]}, "kbm", "1.17"),
        ({"drivers": [make.DRIVER | {"kbm": "M"}]}, "kbm", "3.92"),
        ({"drivers": [make.DRIVER | {"kbm": "1.00"}]}, "kbm", "1"),
        ({"drivers": [make.DRIVER | {"kbm": None}]}, "kbm", "1.17"),
        ({"drivers": [make.DRIVER, {"birth_date": "2005-01-01", "licence_since": "2025-12-01"}]}, "kvs", "2.27"),
        ({"engine_power": "50"}, "km", "0.6"),
        ({"engine_power": "50.1"}, "km", "1"),
        ({"term_months": 3}, "ks", "0.5"),
        ({"region": "78"}, "kt", "1.64"),
        ({"region": "Kazan"}, "kt", "1.7"),
        ({"region": "Республика Татарстан", "city": "Казань"}, "kt", "1.7"),
        ({"region": ""}, "kt", "1.8"),
    ],
)
def test_each_coefficient_follows_its_table(changes, code, value):
    assert values(rated(make.OSAGO, **changes))[code] == Decimal(value)


def licensed(since):
    return {"drivers": [make.DRIVER | {"licence_since": since}]}


@pytest.mark.parametrize(
    ("raw", "changes", "field", "code"),
    [
        ("osago", {"vehicle_vin": "XTA210990Y276638"}, "vehicle_vin", "invalid_vin"),
        ("osago", {"vehicle_vin": "XTA210990Y276638O"}, "vehicle_vin", "invalid_vin"),
        ("osago", {"vehicle_year": 2028}, "vehicle_year", "out_of_range"),
        ("osago", {"vehicle_year": "new"}, "vehicle_year", "invalid"),
        ("osago", {"engine_power": None}, "engine_power", "required"),
        ("osago", {"engine_power": 0}, "engine_power", "out_of_range"),
        ("osago", {"engine_power": "NaN"}, "engine_power", "out_of_range"),
        ("osago", {"deductible": "1"}, "deductible", "invalid"),
        ("osago", {"term_months": 2}, "term_months", "out_of_range"),
        ("osago", {"region": "Atlantis"}, "region", "not_insurable"),
        ("osago", {"drivers": []}, "drivers", "required"),
        ("osago", {"drivers": [make.DRIVER] * 21}, "drivers", "too_many"),
        ("osago", {"drivers": [make.DRIVER | {"kbm": "14"}]}, "drivers", "invalid_choice"),
        ("osago", licensed("2001-05-19"), "drivers.0.licence_since", "experience_impossible"),
        ("osago", licensed("1980-01-01"), "drivers.0.licence_since", "out_of_range"),
        ("osago", licensed("2026-03-02"), "drivers.0.licence_since", "out_of_range"),
        ("osago", {"drivers": [{"birth_date": "1985-05-20"}]}, "drivers.0.licence_since", "required"),
        ("osago", {"insurance_type": "life"}, "insurance_type", "invalid"),
        ("osago", {"vehicle_make": " "}, "vehicle_make", "invalid"),
        ("kasko", {"coverage_amount": None}, "coverage_amount", "min_value"),
        ("kasko", {"coverage_amount": "-1"}, "coverage_amount", "invalid"),
        ("kasko", {"coverage_amount": "0.001"}, "coverage_amount", "invalid"),
        ("kasko", {"coverage_amount": "9000"}, "deductible", "max_value"),
        ("kasko", {"vehicle_value": "1999999"}, "coverage_amount", "max_value"),
        ("kasko", {"deductible": "12345"}, "deductible", "invalid_choice"),
        ("kasko", {"term_months": 13}, "term_months", "out_of_range"),
        ("kasko", {"vehicle_year": 2005}, "vehicle_year", "not_insurable"),
    ],
)
def test_what_cannot_be_rated_is_named(raw, changes, field, code):
    with pytest.raises(InvalidInput) as refused:
        rated({"osago": make.OSAGO, "kasko": make.KASKO}[raw], **changes)
    assert (refused.value.errors[0]["field"], refused.value.errors[0]["code"]) == (field, code)


def test_missing_fields_are_named():
    with pytest.raises(InvalidInput) as refused:
        read_request({})
    assert refused.value.errors[0]["code"] == "required"


def test_osago_lasts_a_year_and_kasko_its_term():
    assert last_day(read_request(make.OSAGO | {"term_months": 3}), DAY) == date(2027, 2, 28)
    assert last_day(read_request(make.KASKO | {"term_months": 6}), DAY) == date(2026, 8, 31)
    assert last_day(read_request(make.KASKO), date(2024, 2, 29)) == date(2025, 2, 27)


@given(coverage=st.decimals(200_000, 20_000_000, places=2), months=st.integers(1, 12), age=st.integers(0, 15))
def test_kasko_always_multiplies_and_repeats(coverage, months, age):
    raw = make.KASKO | {"coverage_amount": str(coverage), "term_months": months, "vehicle_year": 2026 - age}
    first, again = (price(read_request(raw), DAY) for _ in range(2))
    assert first == again
    assert first.premium == money(prod(values(first).values())) >= tariffs.KASKO_MINIMUM


@given(power=st.decimals("0.1", 1000, places=1), months=st.integers(3, 12))
def test_osago_always_multiplies(power, months):
    result = rated(make.OSAGO, engine_power=str(power), term_months=months)
    assert result.premium == money(prod(values(result).values())) > 0


def test_who_cannot_be_insured_reads_why_in_their_language():
    with translation.override("ru"), pytest.raises(InvalidInput) as refused:
        rated(make.OSAGO, region="Атлантида")
    detail = refused.value.errors[0]["detail"]
    assert detail.startswith("В тарифах ОСАГО нет")
    assert "Атлантида" in detail
