"""Late payments: days past due, the penalty and its legal cap, and the order in which a payment is spent."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from financing.rules.calculations.rounding import TO_KOPECK, ZERO, Rounding, precise

YEARLY_CAP_WITH_INTEREST = Decimal("0.20")
DAILY_CAP_WITHOUT_INTEREST = Decimal("0.001")
BUCKETS = ((0, "current"), (30, "1-30"), (60, "31-60"), (90, "61-90"))


class Part(StrEnum):
    """Part of a debt that a loan payment is spent on."""

    OVERDUE_INTEREST = "overdue_interest"
    OVERDUE_PRINCIPAL = "overdue_principal"
    PENALTY = "penalty"
    INTEREST = "interest"
    PRINCIPAL = "principal"
    OTHER = "other"


# 353-FZ art. 5 part 20.
LEGAL_ORDER = tuple(Part)


class OverduePart(NamedTuple):
    """A sum in roubles that was due on `due` and stayed unpaid until `until` (the day of payment, or today)."""

    amount: Decimal
    due: date
    until: date


def days_past_due(due: date, on: date) -> int:
    """Return the days since the (shifted) due date: 1 on the day after it."""
    return max((on - due).days, 0)


def ageing_bucket(days: int) -> str:
    """Return the name of the ageing bucket of so many days past due."""
    return next((name for most, name in BUCKETS if days <= most), "90+")


@precise
def late_penalty(overdue: Decimal, daily_rate: Decimal, days: Decimal | int, rounding: Rounding = TO_KOPECK) -> Decimal:
    """Return the simple penalty in roubles on an overdue sum (itself free of penalties): q(overdue*rate*days).

    A part of a day counts as that part.
    """
    return rounding(overdue * daily_rate * days)


@precise
def capped_daily_rate(daily_rate: Decimal, *, interest_accrues: bool, year_days: int = 365) -> Decimal:
    """Return the daily penalty rate (a fraction) the law allows: at most 20 % a year while contract interest runs on
    the overdue debt, else 0.1 % a day (353-FZ art. 5 part 21).
    """
    return min(daily_rate, YEARLY_CAP_WITH_INTEREST / year_days if interest_accrues else DAILY_CAP_WITHOUT_INTEREST)


def compute_penalty(parts: Iterable[OverduePart], daily_rate: Decimal, rounding: Rounding = TO_KOPECK) -> Decimal:
    """Return the penalty in roubles of several overdue sums, each for its own days: a function of dates, so that
    computing it twice changes nothing.
    """
    return sum(
        (late_penalty(part.amount, daily_rate, days_past_due(part.due, part.until), rounding) for part in parts), ZERO
    )


def allocate(
    payment: Decimal, owed: Mapping[Part, Decimal], order: Sequence[Part] = LEGAL_ORDER
) -> tuple[dict[Part, Decimal], Decimal]:
    """Spend a payment in roubles on what is owed, in `order` (a table of the product; 353-FZ art. 5 part 20 by
    default). Return the parts and what is left over.
    """
    spent: dict[Part, Decimal] = {}
    for part in order:
        spent[part] = min(payment, owed.get(part, ZERO))
        payment -= spent[part]
    return spent, payment
