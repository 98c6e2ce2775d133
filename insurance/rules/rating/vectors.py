"""Answers to published worked examples of motor insurance, by the name of their kind."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

from core.money import money
from insurance.rules.rating.claims import Basis, Loss, UnderInsurance, claim_payout, under_insurance_percent
from insurance.rules.rating.kasko import KaskoTariff, kasko_from_factors
from insurance.rules.rating.osago import Corridor, OsagoTariff, Owner, widened_corridor
from insurance.rules.rating.refunds import refund_of_days, refund_of_share
from insurance.rules.rating.tables import Driver, row_on
from insurance.rules.rating.tariffs import KASKO_TARIFFS, OSAGO, SINCE_7204, TERRITORIES, read_territories

Inputs = Mapping[str, Any]
Answer = Callable[[Inputs], dict[str, Any]]
KINDS: dict[str, Answer] = {}
OSAGO_FACTORS = ("base_rate", "kt", "kbm", "kvs", "ko", "km", "ks", "kp")
# The full table of territories lies beside the repository, not in it; without it the few known rows answer.
TERRITORIES_FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "ref_osago_kt.csv.gz"


def answers(kind: str) -> Callable[[Answer], Answer]:
    """Register the function that answers a kind."""

    def register(answer: Answer) -> Answer:
        KINDS[kind] = answer
        return answer

    return register


@cache
def osago(territories: Path = TERRITORIES_FILE) -> OsagoTariff:
    """Return the tariff with every territory that can be read; rows of TERRITORIES win over equally old ones."""
    rows = tuple(read_territories(territories)) if territories.exists() else ()
    return replace(OSAGO, territories=(*TERRITORIES, *rows))


def number(value: Any) -> Decimal:
    """Read a number; floats are refused."""
    if isinstance(value, float):
        raise TypeError("vectors spell numbers as text")
    return Decimal(str(value))


def _numbers(named: Mapping[str, Any] | None) -> dict[str, Decimal]:
    return {name: number(value) for name, value in (named or {}).items()}


def _day(inputs: Inputs) -> date:
    return date.fromisoformat(inputs.get("valid_from") or SINCE_7204.isoformat())


def _owner(text: str) -> Owner:
    return Owner.LEGAL_ENTITY if "legal" in text else Owner.ANY if text == "any" else Owner.INDIVIDUAL


def _drivers(cases: Sequence[Inputs]) -> list[Driver]:
    return [Driver(int(case["age"]), int(case["experience_full_years"])) for case in cases]


def _tariff(inputs: Inputs) -> KaskoTariff:
    return KASKO_TARIFFS[inputs["tariff"]]


@answers("osago_base_corridor")
def _base_corridor(inputs: Inputs) -> dict[str, Any]:
    rows = [
        osago().corridor(inputs["category"], _owner(inputs["owner"]), date.fromisoformat(day)).value
        for day in inputs["dates"]
    ]
    return {"corridors": [{"min": row.least, "max": row.greatest} for row in rows]}


@answers("osago_base_corridor_widening")
def _base_corridor_widening(inputs: Inputs) -> dict[str, Any]:
    old = _numbers(inputs["old"])
    corridor = Corridor(str(inputs["category"]), _owner(inputs["owner"]), old["min"], old["max"])
    wider = widened_corridor(corridor, number(inputs["widen_percent"]))
    return {"min": wider.least, "max": wider.greatest}


@answers("osago_kt")
def _kt(inputs: Inputs) -> dict[str, Any]:
    rows = (
        osago().territory(case["region"], case.get("city", ""), date.fromisoformat(case["date"]))
        for case in inputs["cases"]
    )
    return {"kt": [row.value.kt for row in rows]}


@answers("osago_kvs")
def _kvs(inputs: Inputs) -> dict[str, Any]:
    table = row_on(OSAGO.kvs, _day(inputs), "kvs").value
    return {"kvs": [table.factor(driver) for driver in _drivers(inputs["cases"])]}


@answers("osago_kbm_coefficient")
def _kbm(inputs: Inputs) -> dict[str, Any]:
    return {"kbm": [OSAGO.get_kbm(str(name), _day(inputs)).value for name in inputs["classes"]]}


@answers("osago_kbm_transition")
def _kbm_transition(inputs: Inputs) -> dict[str, Any]:
    return {
        "next_class": [
            OSAGO.next_kbm_class(str(case["current_class"]), int(case["paid_claims"]), _day(inputs))
            for case in inputs["cases"]
        ]
    }


@answers("osago_km")
def _km(inputs: Inputs) -> dict[str, Any]:
    powers = [number(power) for power in inputs["power_hp"]]
    return {"km": [OSAGO.get_km(inputs["category"], power, _day(inputs)).value for power in powers]}


def _is_unlimited(case: Inputs) -> bool:
    words = " ".join(str(value) for value in case.values()).lower()
    return bool(case.get("unlimited")) or case.get("limited") is False or "unlimited" in words


@answers("osago_ko")
def _ko(inputs: Inputs) -> dict[str, Any]:
    cases = [case if isinstance(case, Mapping) else {"drivers": case} for case in inputs["cases"]]
    owners = [_owner(" ".join(map(str, case.values())).lower()) for case in cases]
    found = (OSAGO.get_ko(owner, _is_unlimited(case), _day(inputs)) for owner, case in zip(owners, cases, strict=True))
    return {"ko": [factor.value for factor in found]}


@answers("osago_ks")
def _ks(inputs: Inputs) -> dict[str, Any]:
    return {"ks": [OSAGO.get_ks(int(months), _day(inputs)).value for months in inputs["months_of_use"]]}


def _read_kp(term: str, day: date) -> Decimal:
    """Read "5-15 days" or "3 months": the last number before the unit counts."""
    amount = int(re.findall(r"\d+", term)[-1])
    if "day" in term:
        return OSAGO.get_kp(days=amount, day=day).value
    return OSAGO.get_kp(months=amount, day=day).value


@answers("osago_kp")
def _kp(inputs: Inputs) -> dict[str, Any]:
    return {"kp": [_read_kp(term, _day(inputs)) for term in inputs["terms"]]}


@answers("osago_premium")
def _osago_premium(inputs: Inputs) -> dict[str, Any]:
    product = prod((number(inputs[name]) for name in OSAGO_FACTORS if name in inputs), start=Decimal(1))
    return {"premium": money(product), "premium_unrounded": product}


@answers("kasko_base_rate")
def _kasko_base_rate(inputs: Inputs) -> dict[str, Any]:
    age = int(inputs["vehicle_age_years"])
    return {"base_rate_percent": _tariff(inputs).base_rate(str(inputs["vehicle_group"]), inputs["region"], age)}


@answers("kasko_driver_factor")
def _kasko_driver_factor(inputs: Inputs) -> dict[str, Any]:
    return {"factor": _tariff(inputs).driver_factor(inputs["region"], _drivers(inputs["drivers"]))}


@answers("kasko_deductible_factor")
def _kasko_deductible_factor(inputs: Inputs) -> dict[str, Any]:
    group, deductible = str(inputs["vehicle_group"]), number(inputs["deductible"])
    return {"factor": _tariff(inputs).deductible_factor(group, deductible)}


@answers("kasko_other_factor")
def _kasko_other_factor(inputs: Inputs) -> dict[str, Any]:
    """The inputs given choose the table."""
    tariff, region = _tariff(inputs), inputs.get("region", "other")
    instalments = int(inputs.get("instalments", 1))
    if "commission_discount_percent" in inputs:
        return {"factor": tariff.commission_factor(number(inputs["commission_discount_percent"]), instalments)}
    if "pledged_to_outside_bank" in inputs:
        return {"factor": tariff.pledge_factor(region, inputs["pledged_to_outside_bank"])}
    if inputs.get("unlimited_drivers"):
        return {"factor": tariff.driver_factor(region, None)}
    if "named_drivers" in inputs:
        return {"factor": tariff.drivers_count_factor(int(inputs["named_drivers"]))}
    if "instalments" in inputs:
        return {"factor": tariff.instalments_factor(instalments)}
    return {"factor": tariff.region_factor(region, str(inputs.get("vehicle_group", "1")))}


@answers("kasko_premium")
def _kasko_premium(inputs: Inputs) -> dict[str, Any]:
    result = kasko_from_factors(
        number(inputs["sum_insured"]),
        number(inputs["base_rate_percent"]),
        _numbers(inputs["factors"]),
        _numbers(inputs.get("additions_percent")),
        _numbers(inputs.get("flat_extras")),
    )
    return {
        "tariff": result.tariff,
        "tariff_percent": result.tariff_percent,
        "premium": result.premium,
        "total": result.total,
    }


@answers("policy_refund")
def _policy_refund(inputs: Inputs) -> dict[str, Any]:
    premium = number(inputs["premium"])
    if inputs.get("earned_share"):
        result = refund_of_share(premium, number(inputs["earned_share"]))
    else:
        days = number(inputs["days_in_term"]), number(inputs["days_in_force"])
        result = refund_of_days(premium, *days, number(inputs.get("penalty_share") or 0))
    return {"earned": result.earned, "refund": result.refund}


@answers("claim_average_factor")
def _claim_average_factor(inputs: Inputs) -> dict[str, Any]:
    return {"reduction_percent": under_insurance_percent(number(inputs["sum_insured"]), number(inputs["value"]))}


@answers("claim_payout")
def _claim_payout(inputs: Inputs) -> dict[str, Any]:
    proportional = "proportional" in str(inputs.get("under_insurance") or "proportional")
    sum_insured = number(inputs["sum_insured"])
    loss = Loss(
        loss=number(inputs.get("loss") or 0),
        sum_insured=sum_insured,
        value=number(inputs.get("value") or sum_insured),
        deductible=number(inputs.get("deductible") or 0),
        under_insurance=UnderInsurance.PROPORTIONAL if proportional else UnderInsurance.FIRST_LOSS,
        total_loss=bool(inputs.get("total_loss")),
        basis=Basis.MARKET if "market" in str(inputs.get("basis", "")).lower() else Basis.AGREED,
    )
    return {"payout": claim_payout(loss)}
