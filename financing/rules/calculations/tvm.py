"""Spreadsheet functions of the time value of money: received money is positive, paid money negative."""

from collections.abc import Sequence
from decimal import Decimal

from financing.rules.calculations.rates import Flow, in_order, present_value, root_near_zero, sign_changes
from financing.rules.calculations.rounding import precise

NOTHING = Decimal(0)


def _annuity_value(rate: Decimal, periods: Decimal, at_start: bool) -> Decimal:
    """Value at the end of one rouble a period."""
    if not rate:
        return periods
    return ((1 + rate) ** periods - 1) / rate * (1 + rate if at_start else 1)


@precise
def future_value(
    rate: Decimal, periods: Decimal, payment: Decimal, present: Decimal, at_start: bool = False
) -> Decimal:
    """FV: the balance after `periods` at `rate` a period."""
    return -(present * (1 + rate) ** periods + payment * _annuity_value(rate, periods, at_start))


@precise
def present_sum(
    rate: Decimal, periods: Decimal, payment: Decimal, future: Decimal = NOTHING, at_start: bool = False
) -> Decimal:
    """PV: what payments and a last sum are worth today."""
    return -(future + payment * _annuity_value(rate, periods, at_start)) / (1 + rate) ** periods


@precise
def payment(
    rate: Decimal, periods: Decimal, present: Decimal, future: Decimal = NOTHING, at_start: bool = False
) -> Decimal:
    """PMT: the level payment."""
    return -(future + present * (1 + rate) ** periods) / _annuity_value(rate, periods, at_start)


@precise
def periods(
    rate: Decimal, payment: Decimal, present: Decimal, future: Decimal = NOTHING, at_start: bool = False
) -> Decimal:
    """NPER: the number of payments, with its fraction."""
    if not rate:
        return -(future + present) / payment
    level = payment * (1 + rate if at_start else 1) / rate
    return ((level - future) / (level + present)).ln() / (1 + rate).ln()


@precise
def net_present_value(rate: Decimal, flows: Sequence[Decimal]) -> Decimal:
    """NPV of flows one period apart; the first is today, as in numpy-financial."""
    return sum((amount / (1 + rate) ** number for number, amount in enumerate(flows)), NOTHING)


@precise
def internal_rate(flows: Sequence[Decimal]) -> Decimal:
    """IRR of flows one period apart, the one nearest to zero, as a fraction. Raises NoRateFound."""
    timed = in_order(Flow(amount, number) for number, amount in enumerate(flows))
    changes = sign_changes(timed)
    return root_near_zero(present_value(timed, compound_rest=True), changes)
