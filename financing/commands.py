"""Declare what financing does when it is asked: decide a loan, take it back, pay it out, and know the order it is for.

A command of a checkout carries the `attempt_id` of its leg, and the answer repeats it: an undoing may undo only what
its own attempt did.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID

from core.events import Command, command


@command("checkout.loan_requested", sender="orders", aggregate="checkout", key="order_id")
class DecideLoan(Command, frozen=True, kw_only=True):
    """Decide a loan for this order. `application` has the fields of POST /financing/applications.

    Answers: financing.approved, financing.rejected (a manager's review may lie between).
    """

    order_id: UUID
    attempt_id: UUID
    customer_id: UUID
    currency: str
    application: dict[str, Any]
    auto_accept: bool = True


@command("checkout.loan_withdrawal_requested", sender="orders", aggregate="checkout", key="order_id")
class WithdrawLoan(Command, frozen=True, kw_only=True):
    """Withdraw the application of this attempt, or cancel its loan if paid out. Answer: financing.withdrawn."""

    order_id: UUID
    attempt_id: UUID
    reason: str


@command("checkout.disbursement_requested", sender="orders", aggregate="checkout", key="order_id")
class DisburseLoan(Command, frozen=True, kw_only=True):
    """Pay out the accepted loan of this attempt into the order. Answer: financing.disbursed."""

    order_id: UUID
    attempt_id: UUID


class RecordPurchase(Command, frozen=True, kw_only=True):
    """Know an order that a loan may be for, as of the newest `version_number`."""

    order_id: UUID
    customer_id: UUID
    number: str
    total_amount: Decimal
    currency: str
    version_number: int
    product_ids: list[UUID]


class ClosePurchase(Command, frozen=True, kw_only=True):
    """Take no more applications for an order: it is paid, or cancelled."""

    order_id: UUID
    is_paid: bool
