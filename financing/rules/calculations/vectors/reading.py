"""Read the numbers, day counts, roundings and loans of vectors as they spell them; never through a float."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from financing.rules.calculations.apr import DatedFlow
from financing.rules.calculations.dates import due_dates
from financing.rules.calculations.daycount import DayCount
from financing.rules.calculations.rates import period_rate
from financing.rules.calculations.rounding import KOPECK, UNROUNDED, Rounding
from financing.rules.calculations.schedule import Row
from financing.rules.calculations.vectors.registry import Inputs

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?(/\d+)?(\+\d+(\.\d+)?(/\d+)?)*", re.IGNORECASE)
TERM = re.compile(r"[+-]?[\d.]+(?:e[+-]?\d+)?(?:/\d+)?", re.IGNORECASE)

# The first pattern that is found names the basis; `market` bases are the plain names of securities.
DAY_COUNTS = (
    (r"act(ual)?/act(ual)?.*isda", DayCount.ACTUAL_ACTUAL_ISDA),
    (r"act(ual)?/act", DayCount.ACTUAL_ACTUAL),
    (r"act(ual)?/365\.25", DayCount.ACTUAL_365_25),
    (r"act(ual)?/365", DayCount.ACTUAL_365),
    (r"act(ual)?/364", DayCount.ACTUAL_364),
    (r"act(ual)?/360", DayCount.ACTUAL_360),
    (r"30e\+/360", DayCount.EUROBOND_PLUS),
    (r"30e/360 (isda|german)", DayCount.GERMAN),
    (r"30e/360|30/360 (isma|euro)", DayCount.EUROBOND),
    (r"30us?/360|30/360 (us|sia)\b", DayCount.US),
    (r"30/360.(bond|isda)", DayCount.BOND),
    (r"30/360", DayCount.THIRTY_360),
)
LISTS = frozenset(
    {
        *("args", "cases", "due_dates", "flows", "payments_made", "steps", "weights", "weights_in_advance", "weekend"),
        *("days_off_on_weekdays", "dates", "classes", "power_hp", "months_of_use", "terms", "drivers", "advances"),
    }
)
"""Inputs that are lists, of whatever kind; `payments` is one where it is not their count."""
EXACT = frozenset({"none", "no", "not", "unrounded", "exact"})
"""First words of a rounding that keeps every digit."""
T = TypeVar("T")
MARKET = {DayCount.THIRTY_360: DayCount.BOND, DayCount.ACTUAL_ACTUAL: DayCount.ACTUAL_ACTUAL_ISDA}


def fraction(value: Any) -> Fraction:
    """Read "34/365", "1+34/365", "0.5" or a whole number exactly. Raises ValueError."""
    text = str(value).replace(" ", "")
    if isinstance(value, float) or not NUMBER.fullmatch(text):
        raise ValueError(f"not a number: {value!r}")
    return sum(map(Fraction, TERM.findall(text)), Fraction(0))


def number(value: Any) -> Decimal:
    """Read a number as Decimal; quotients to 34 digits. Raises ValueError."""
    exact = fraction(value)
    if "/" in str(value):
        return Decimal(exact.numerator) / exact.denominator
    return Decimal(str(value))


def listed(value: Any) -> Any:
    """Read a list that was given as text: as JSON, or between semicolons, commas or spaces; all else as it is."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value, parse_float=Decimal)
    return [part.strip() for part in re.split(r"[;,]" if re.search(r"[;,]", value) else r"\s", value) if part.strip()]


def read_inputs(inputs: Inputs) -> Inputs:
    """Read what a vector gives: its lists may be text."""
    return {name: listed(value) if name in LISTS else value for name, value in inputs.items()}


def chosen(inputs: Inputs, name: str, meanings: Mapping[str, T], default: T) -> T:
    """Return what a text means: the first pattern that is found. Raises ValueError for what nobody has taught it."""
    text = str(inputs.get(name) or "")
    if not text:
        return default
    for pattern, meaning in meanings.items():
        if re.search(pattern, text.lower()):
            return meaning
    raise ValueError(f"unknown {name}: {text!r}")


def day(text: str) -> date:
    """Read an ISO date."""
    return date.fromisoformat(text)


def days(texts: Iterable[str]) -> tuple[date, ...]:
    """Read a list of ISO dates."""
    return tuple(map(day, texts))


def day_count(text: str, *, market: bool = False) -> DayCount:
    """Read a day count by any of its usual names. Raises ValueError."""
    for pattern, found in DAY_COUNTS:
        if re.search(pattern, text.lower()):
            return MARKET.get(found, found) if market else found
    raise ValueError(f"unknown day count: {text!r}")


def rounding(inputs: Inputs, mode_key: str = "rounding", unit_key: str = "unit") -> Rounding:
    """Read a rounding, half up to 0.01 unless said; "none ..." keeps every digit."""
    mode = str(inputs.get(mode_key) or "HALF_UP").split()[0].rstrip(",;")
    unit = inputs.get(unit_key) or inputs.get("unit") or KOPECK
    return Rounding(number(unit), None if mode.lower() in EXACT else f"ROUND_{mode.upper()}")


def payment_rounding(inputs: Inputs) -> Rounding:
    """Read how a payment is rounded; where interest is not and nothing is said of payments, they are not either."""
    is_said = inputs.get("payment_rounding") or inputs.get("payment_unit")
    if not is_said and rounding(inputs, "interest_rounding").mode is None:
        return UNROUNDED
    return rounding(inputs, "payment_rounding", "payment_unit")


def read_rate(inputs: Inputs) -> Decimal:
    """Read the rate of one payment period."""
    per_year = int(inputs.get("payments_per_year") or 12)
    return period_rate(number(inputs["annual_rate"]), per_year, inputs.get("compounding_per_year"))


def described_flows(inputs: Inputs) -> list[DatedFlow]:
    """Read the flows of a described loan: payout less fee, level payments, an optional balloon."""
    fee = number(inputs.get("fee_paid_at_disbursement") or 0)
    due = due_dates(day(inputs["first_payment"]), int(inputs["payments"]), every=int(inputs["every_months"]))
    flows = [DatedFlow(day(inputs["disbursed"]), fee - number(inputs["amount"]))]
    flows += [DatedFlow(when, number(inputs["payment"])) for when in due]
    if balloon := inputs.get("balloon"):
        flows.append(DatedFlow(day(balloon["date"]), number(balloon["amount"])))
    return flows


def dated_flows(inputs: Inputs) -> list[DatedFlow]:
    """Read listed flows."""
    return [DatedFlow(day(flow["date"]), number(flow["amount"])) for flow in inputs["flows"]]


def write_row(row: Row) -> dict[str, Any]:
    """Write a row the way vectors do."""
    due = row.due_date.isoformat() if row.due_date else None
    return {
        "n": row.number,
        "due": due,
        "payment": row.payment,
        "principal": row.principal,
        "interest": row.interest,
        "balance": row.balance,
    }
