"""Credit holidays by law: on what grounds, for how long, and up to what loan, as dated rows with their source."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

MOST_MONTHS = 6


class Ground(StrEnum):
    """Reason of credit holidays: two are the borrower's right, once each; `agreed` is the lender's own will."""

    INCOME = "income"
    EMERGENCY = "emergency"
    AGREED = "agreed"


class LoanLimit(NamedTuple):
    """The largest loan with a right to credit holidays, roubles, from a day on."""

    since: date
    amount: Decimal
    source: str


CAR_LOAN_LIMITS = (LoanLimit(date(2024, 1, 1), Decimal(1_600_000), "348-FZ of 24.07.2023; 353-FZ art. 6.1-2 part 1"),)
"""Loans secured by a vehicle; oldest first."""


def find_limit(day: date) -> LoanLimit | None:
    """Return the row in force on a day, or None before the first."""
    return next((row for row in reversed(CAR_LOAN_LIMITS) if row.since <= day), None)
