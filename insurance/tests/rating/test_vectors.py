import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

from insurance.rules.rating import TariffMissing
from insurance.rules.rating.tariffs import read_territories
from insurance.rules.rating.vectors import KINDS, number, osago
from insurance.tests.rating.make import DAY, vector_file


def answer(kind, **inputs):
    return KINDS[kind](inputs)


def near(expected, actual, tolerance):
    """Tell whether an answer holds every published value."""
    if isinstance(expected, dict):
        return all(near(value, actual[key], tolerance) for key, value in expected.items())
    if isinstance(expected, list):
        return len(expected) == len(actual) and all(map(near, expected, actual, [tolerance] * len(expected)))
    if isinstance(actual, Decimal):
        return abs(Decimal(expected) - actual) <= tolerance
    return expected == actual


def test_every_published_insurance_example_is_reproduced():
    vectors = json.loads(vector_file("insurance.json").read_text(encoding="utf-8"))["vectors"]
    assert vectors
    for vector in vectors:
        tolerance = Decimal(0 if vector["tolerance"] == "exact" else vector["tolerance"])
        assert near(vector["expected"], answer(vector["kind"], **vector["inputs"]), tolerance), vector["id"]


def test_every_kind_of_the_shared_file_is_known():
    assert set(json.loads(vector_file("insurance.json").read_text(encoding="utf-8"))["kinds"]) <= set(KINDS)


def test_floats_are_refused():
    with pytest.raises(TypeError):
        number(0.1)


def test_a_widened_corridor_is_in_whole_roubles():
    inputs = {"category": "B", "owner": "individual", "old": {"min": "1646", "max": "7535"}}
    assert answer("osago_base_corridor_widening", **inputs, widen_percent="15") == {"min": 1399, "max": 8665}


@pytest.mark.parametrize(
    ("case", "ko"),
    [
        ({"drivers": "limited", "owner": "individual"}, "1"),
        ({"drivers": "unlimited", "owner": "individual"}, "2.32"),
        ({"limited": False, "owner": "legal entity"}, "1.97"),
        ({"unlimited": True}, "2.32"),
        ("unlimited_legal_entity", "1.97"),
    ],
)
def test_driver_limits_are_read_however_they_are_spelt(case, ko):
    assert answer("osago_ko", cases=[case], valid_from="2022-09-13") == {"ko": [Decimal(ko)]}


@pytest.mark.parametrize(
    ("inputs", "factor"),
    [
        ({"commission_discount_percent": "3", "instalments": 1}, "0.97"),
        ({"commission_discount_percent": "3", "instalments": 2}, "1"),
        ({"instalments": 3}, "1.05"),
        ({"named_drivers": 8}, "1.6"),
        ({"unlimited_drivers": True}, "1.5"),
        ({"pledged_to_outside_bank": True, "region": "Saint Petersburg"}, "1.1"),
        ({"pledged_to_outside_bank": False, "region": "Moscow"}, "1"),
        ({"region": "Пермский край", "vehicle_group": "3"}, "1.1"),
        ({"region": "Камчатский край"}, "1"),
    ],
)
def test_the_inputs_choose_the_table_of_another_factor(inputs, factor):
    assert answer("kasko_other_factor", tariff="reference-2015", **inputs) == {"factor": Decimal(factor)}


def test_a_refund_may_follow_a_table_or_keep_a_share():
    assert answer("policy_refund", premium="100", earned_share="0.69")["refund"] == 31
    days = {"premium": "100", "days_in_term": 100, "days_in_force": 50}
    assert answer("policy_refund", **days, penalty_share="0.23")["refund"] == Decimal("38.50")
    assert answer("policy_refund", **days | {"days_in_force": "50.5"})["refund"] == Decimal("49.50")


def test_a_total_loss_is_paid_by_its_basis():
    loss = {"sum_insured": "1000", "value": "800", "deductible": "50", "total_loss": True}
    assert answer("claim_payout", **loss, basis="agreed value") == {"payout": 950}
    assert answer("claim_payout", **loss, basis="market value") == {"payout": 750}


def test_first_loss_is_not_cut():
    loss = {"sum_insured": "1000", "value": "2000", "loss": "600"}
    assert answer("claim_payout", **loss, under_insurance="first loss") == {"payout": 600}
    assert answer("claim_payout", **loss) == {"payout": 300}


TABLE = "region,city,kt,fias_id\nРеспублика Татарстан,Казань,1.8,x\nРеспублика Татарстан,,1.2,y\n"


def test_a_table_of_territories_is_read_plain_or_packed(tmp_path):
    plain, packed = tmp_path / "kt.csv", tmp_path / "kt.csv.gz"
    plain.write_text(TABLE, encoding="utf-8")
    packed.write_bytes(gzip.compress(TABLE.encode()))
    assert list(read_territories(plain)) == list(read_territories(packed))
    tariff = osago(plain)
    assert tariff.territory("Республика Татарстан", "Казань", DAY).value.kt == Decimal("1.7")
    assert tariff.territory("Республика Татарстан", "Бугульма", DAY).value.kt == Decimal("1.2")


def test_without_the_table_the_known_territories_answer():
    tariff = osago(Path("no such file"))
    assert tariff.territory("Москва", "Москва", DAY).value.kt == Decimal("1.8")
    with pytest.raises(TariffMissing):
        tariff.territory("Атлантида", "", DAY)
