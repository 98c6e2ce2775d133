"""Define what a buyer owes once, and say it in Python, in SQL and to the ORM.

It is no generated column: adding one rewrites the table under a lock, and the previous release, which runs beside,
would write rows whose sum it does not know. Every reading is made from the names below instead.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db.models import F
from django.db.models.expressions import CombinedExpression

from core.money import ZERO, money

TAKEN_OFF = ("trade_in_credit", "returned_premiums", "allowance_amount")
"""What lowers the money that has to come in: a car taken in exchange, premiums of policies that ended, allowances."""
SUMS = ("total_amount", *TAKEN_OFF, "amount_paid")
"""Columns that decide what is owed, with the status."""
ENDED = ("cancelled", "refunded", "returned")
"""Statuses in which an order is over without a sale."""
NOT_OWED = (*ENDED, "returning")
"""Statuses in which nothing is owed: what is being returned is not paid for again while its money goes back."""


def compute_payable(sums: Mapping[str, Any]) -> Decimal:
    """Return what has to come in as money, in the order's currency; `sums` has the columns by their names."""
    payable: Decimal = sums["total_amount"]
    return payable - sum((sums[name] for name in TAKEN_OFF), ZERO)


def compute_due(sums: Mapping[str, Any], status: str) -> Decimal:
    """Return what the buyer still has to pay, never below zero; nothing of an order that ended."""
    return ZERO if status in NOT_OWED else max(ZERO, money(compute_payable(sums) - sums["amount_paid"]))


def compute_excess(sums: dict[str, Any]) -> Decimal:
    """Return what was paid above the worth of the order, below zero when nothing was.

    Insurance gives premiums back by itself: they are no excess.
    """
    paid: Decimal = sums["amount_paid"]
    return paid - compute_payable(sums | {"returned_premiums": ZERO})


PAYABLE_SQL = " - ".join(f"o.{name}" for name in ("total_amount", *TAKEN_OFF))
"""`compute_payable` for rows of `orders_order o`."""
DUE_SQL = f"""CASE WHEN o.status IN ({", ".join(f"'{status}'" for status in NOT_OWED)}) THEN 0.00
         ELSE greatest({PAYABLE_SQL} - o.amount_paid, 0.00) END"""
"""`compute_due` for rows of `orders_order o`."""


def payable_column() -> F | CombinedExpression:
    """Return `compute_payable` for a query of orders."""
    payable: F | CombinedExpression = F("total_amount")
    for name in TAKEN_OFF:
        payable = payable - F(name)
    return payable
