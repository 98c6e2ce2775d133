"""The books: every movement of money is one balanced entry, booked once.

Debits are positive. `provider:*`, `cash` and `bank` are what we own; `customer_funds` is what we owe for it, in
goods or in money, so it is negative by what orders have paid.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from payments.models import CUSTOMER_FUNDS, EntryKind, LedgerAccount, LedgerEntry, LedgerLine, Method, Payment, Refund

_BY_HAND = {Method.CASH.value: "cash", Method.BANK_TRANSFER.value: "bank"}


def asset_account(payment: Payment) -> str:
    """Where the money of a payment lies."""
    return _BY_HAND.get(payment.method, f"provider:{payment.provider}")


def book_charge(payment: Payment, now: datetime) -> None:
    """Book money that arrived: we own it, and owe the buyer as much."""
    _book(EntryKind.CHARGE, payment.id, payment, None, payment.amount, now)


def book_refund(payment: Payment, refund: Refund, now: datetime) -> None:
    """Book money that went back."""
    _book(EntryKind.REFUND, refund.id, payment, refund, -refund.amount, now)


def _book(
    kind: EntryKind, reference: UUID, payment: Payment, refund: Refund | None, amount: Decimal, now: datetime
) -> None:
    entry = LedgerEntry.objects.create(
        kind=kind,
        reference=reference,
        payment=payment,
        refund=refund,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        currency=payment.currency,
        created_at=now,
    )
    sides = {asset_account(payment): amount, CUSTOMER_FUNDS: -amount}
    LedgerAccount.objects.bulk_create([LedgerAccount(code=code) for code in sorted(sides)], ignore_conflicts=True)
    LedgerLine.objects.bulk_create(
        LedgerLine(entry=entry, account_id=code, amount=side) for code, side in sides.items()
    )
