"""Answers to vectors about day counts, APR, ПСК and the time value of money."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from financing.rules.calculations import tvm
from financing.rules.calculations.apr import (
    apr_eu,
    apr_eu_from_years,
    apr_us,
    apr_us_from_periods,
    eu_interval,
    psk_from_periods,
    xirr,
    xnfv,
)
from financing.rules.calculations.daycount import days_between, interest_factor, year_fraction
from financing.rules.calculations.rates import Flow
from financing.rules.calculations.rounding import PERCENT, shown_percent
from financing.rules.calculations.vectors.reading import dated_flows, day, day_count, described_flows, fraction, number
from financing.rules.calculations.vectors.registry import Answer, Inputs, answers


@answers("day_count_days")
def _day_count_days(inputs: Inputs) -> dict[str, Any]:
    basis = day_count(inputs["day_count"], market=True)
    return {"days": [days_between(day(case["start"]), day(case["end"]), basis) for case in inputs["cases"]]}


@answers("year_fraction")
def _year_fraction(inputs: Inputs) -> dict[str, Any]:
    basis = day_count(inputs["day_count"], market=True)
    return {"years": year_fraction(day(inputs["start"]), day(inputs["end"]), basis)}


@answers("period_rate_factor")
def _period_rate_factor(inputs: Inputs) -> dict[str, Any]:
    rate, start, end = number(inputs["annual_rate"]), day(inputs["start"]), day(inputs["end"])
    return {"factor": interest_factor(rate, start, end, day_count(inputs["day_count"]))}


@answers("eu_interval")
def _eu_interval(inputs: Inputs) -> dict[str, Any]:
    return {"years": eu_interval(day(inputs["start"]), day(inputs["end"]), inputs["regular_period"])}


@answers("apr_eu")
def _apr_eu(inputs: Inputs) -> dict[str, Any]:
    flows = [(number(flow["amount"]), fraction(flow["t_years"])) for flow in inputs["flows"]]
    return {"apr_percent": apr_eu_from_years(flows)}


@answers("apr_eu_dated")
def _apr_eu_dated(inputs: Inputs) -> dict[str, Any]:
    return {"apr_percent": apr_eu(described_flows(inputs))}


@answers("apr_us_dated")
def _apr_us_dated(inputs: Inputs) -> dict[str, Any]:
    return {"apr_percent": apr_us(described_flows(inputs), int(inputs["every_months"]))}


@answers("apr_rounding")
def _apr_rounding(inputs: Inputs) -> dict[str, Any]:
    value = number(inputs["value_percent"])
    return {"one_decimal": shown_percent(value, 1), "two_decimals": shown_percent(value, 2)}


def _series(item: Inputs, whole: str, rest: str) -> Iterator[Flow]:
    """Read flows of whole periods `x` or `x_first` with a count, and one rest for all."""
    first = int(item.get(f"{whole}_first", item.get(whole, 0)))
    for place in range(int(item.get("count", 1))):
        yield Flow(number(item["amount"]), first + place, number(item.get(rest, 0)))


@answers("apr_us_actuarial")
def _apr_us_actuarial(inputs: Inputs) -> dict[str, Any]:
    flows = [flow._replace(amount=-flow.amount) for item in inputs["advances"] for flow in _series(item, "t", "f")]
    flows += [flow for item in inputs["payments"] for flow in _series(item, "t", "f")]
    return {"apr_percent": apr_us_from_periods(flows, number(inputs["unit_periods_per_year"]))}


@answers("psk_kernel")
def _psk_kernel(inputs: Inputs) -> dict[str, Any]:
    flows = [flow for item in inputs["flows"] for flow in _series(item, "q", "e")]
    return {"psk_percent": psk_from_periods(flows, int(inputs["cbp"]))}


@answers("xirr")
def _xirr(inputs: Inputs) -> dict[str, Any]:
    return {"rate": xirr(dated_flows(inputs), day_count(inputs.get("day_count") or "act/365", market=True))}


@answers("xirr_dated")
def _xirr_dated(inputs: Inputs) -> dict[str, Any]:
    return {"rate_percent": xirr(described_flows(inputs)) * PERCENT}


@answers("xnfv")
def _xnfv(inputs: Inputs) -> dict[str, Any]:
    basis = day_count(inputs.get("day_count") or "act/365", market=True)
    return {"value_at_last_date": xnfv(number(inputs["rate"]), dated_flows(inputs), basis)}


@answers("tvm_irr")
def _tvm_irr(inputs: Inputs) -> dict[str, Any]:
    return {"irr": tvm.internal_rate([number(flow) for flow in inputs["flows"]])}


@answers("tvm_npv")
def _tvm_npv(inputs: Inputs) -> dict[str, Any]:
    rate, *rest = inputs["args"]
    flows = rest[0] if isinstance(rest[0], list) else rest
    return {"value": tvm.net_present_value(number(rate), [number(flow) for flow in flows])}


def _spreadsheet(function: Callable[..., Decimal], numbers: int) -> Answer:
    """Answer a function of `numbers` numbers and an optional fifth argument: payments at the start of a period."""

    def answer(inputs: Inputs) -> dict[str, Any]:
        args = [number(arg) for arg in inputs["args"][:numbers]]
        at_start = [str(arg) in ("1", "begin", "start") for arg in inputs["args"][numbers:]]
        return {"value": function(*args, *at_start)}

    return answer


for _kind, _function in (
    ("tvm_fv", tvm.future_value),
    ("tvm_pv", tvm.present_sum),
    ("tvm_pmt", tvm.payment),
    ("tvm_nper", tvm.periods),
):
    answers(_kind)(_spreadsheet(_function, 4))
