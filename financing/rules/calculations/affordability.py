"""Calculate whether a client and a car can carry a loan: ПДН, LTV and the money left to live on."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

from financing.rules.calculations.errors import InvalidTerms
from financing.rules.calculations.rounding import PERCENT, UNROUNDED, ZERO, precise
from financing.rules.calculations.schedule import annuity_payment

MODERATE_FROM, HIGH_FROM = Decimal(50), Decimal(80)
CARD_LIMIT_SHARE = Decimal("0.05")


class DebtLoad(StrEnum):
    """Tiers of ПДН in the macroprudential limits of the Bank of Russia: up to 50 %, 50-80 %, over 80 %."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"


@precise
def debt_load_percent(monthly_payments: Iterable[Decimal], monthly_income: Decimal) -> Decimal:
    """Return ПДН in per cent, unrounded: all monthly payments, the new loan's too, over the average monthly income.

    Raises InvalidTerms at an income of 0.
    """
    if monthly_income <= 0:
        raise InvalidTerms("monthly_income", "income_zero", "The income must be above zero.")
    return sum(monthly_payments, ZERO) / monthly_income * PERCENT


def debt_load_tier(percent: Decimal) -> DebtLoad:
    """Return the tier of a ПДН in per cent."""
    if percent <= MODERATE_FROM:
        return DebtLoad.LOW
    return DebtLoad.MODERATE if percent <= HIGH_FROM else DebtLoad.HIGH


@precise
def assumed_payment(debt: Decimal, psk_percent: Decimal, months: int, overdue: Decimal = ZERO) -> Decimal:
    """Return the monthly payment in roubles assumed for a debt whose schedule is unknown: a level payment at ПСК
    plus what is overdue, unrounded (Bank of Russia's ПДН method).
    """
    return annuity_payment(debt, psk_percent / PERCENT / 12, months, rounding=UNROUNDED) + overdue


@precise
def assumed_card_payment(limit: Decimal) -> Decimal:
    """Return the monthly payment in roubles assumed for a credit card: 5 % of its limit."""
    return limit * CARD_LIMIT_SHARE


@precise
def loan_to_value_percent(amount_financed: Decimal, vehicle_value: Decimal) -> Decimal:
    """Return LTV in per cent, unrounded."""
    return amount_financed / vehicle_value * PERCENT
