"""The books: every movement of money is one balanced entry, booked once.

Debits are positive. `provider:*`, `cash`, `bank` and `used_cars` (taken in exchange, at cost) are what we own;
`lender:*` and `insurer:*` are what partners owe us, or with a minus what we owe them. `order:*`, `loan:*`, `policy:*`
and `claim:*` are what we owe for an order, a loan, a policy or a claim, in goods or in money, so they are negative;
`deposit:*` is the second half of earnest money that goes back double, `trade_in:*` what we owe for a car, and
`refunds_payable` is on its way back. `commission:*`, `sales` and `earnest_money` are what we earned;
`earnest_money_doubled` is an expense, and so are `allowances`: what was given back by hand of an order that had not so
much of its own.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast
from uuid import UUID

from core.db import before_commit, fetch
from core.money import ZERO
from gateway.approvals import require_permit
from payments.models import (
    REFUNDS_PAYABLE,
    EntryKind,
    LedgerAccount,
    LedgerEntry,
    LedgerLine,
    Method,
    Payment,
    Payout,
    Refund,
    RefundSource,
)

LEAVING = frozenset(
    {
        EntryKind.REFUND_DUE,
        EntryKind.REFUND,
        EntryKind.PAYOUT,
        EntryKind.PAYOUT_DUE,
        EntryKind.CLAIM,
        EntryKind.FORFEIT,
        EntryKind.DOUBLED,
        EntryKind.TRADE_IN,
        EntryKind.TRADE_IN_UNDONE,
    }
)
"""Entries by which money leaves: none is written by a way that payments/approvals.py does not declare."""
ALLOWANCES = "allowances"
_CAN_UNCOVER = frozenset(EntryKind) - {EntryKind.CHARGE, EntryKind.LOAN, EntryKind.SALE, EntryKind.ALLOWANCE}
"""Entries after which less may be left of an order that is over than was given back of it, or again more."""
_STANDING = """
SELECT coalesce((SELECT sum(amount) FROM payments_ledgerline WHERE account_id = %s), 0),
       coalesce((SELECT sum(amount) FROM payments_refund
                 WHERE order_id = %s AND subject_id IS NULL AND request_id IS NULL AND requested_by IS NOT NULL
                   AND status IN ('approved', 'submitted', 'succeeded')), 0),
       coalesce((SELECT sum(l.amount) FROM payments_ledgerline l JOIN payments_ledgerentry e ON e.id = l.entry_id
                 WHERE e.kind = 'allowance' AND e.reference = %s AND l.account_id = %s), 0),
       (SELECT count(*) FROM payments_ledgerentry WHERE kind = 'allowance' AND reference = %s),
       EXISTS (SELECT 1 FROM payments_ordertill
               WHERE order_id = %s AND (settled_at IS NOT NULL OR closed_at IS NOT NULL AND attempt_id IS NULL))
"""
"""An order's balance, what was given back of it by hand, what of that is an expense by now and by how many entries,
and whether the order is over."""
_BY_HAND = {Method.CASH.value: "cash", Method.BANK_TRANSFER.value: "bank"}


@dataclass(frozen=True)
class About:
    """Subject of an entry: the thing booked, once per `attempt`, and whose it is."""

    kind: EntryKind
    reference: UUID
    currency: str
    attempt: int = 1
    payment: Payment | None = None
    refund: Refund | None = None
    payout: Payout | None = None
    order_id: UUID | None = None
    customer_id: UUID | None = None


def asset_account(payment: Payment) -> str:
    """Return the account where the money of a payment lies."""
    return _BY_HAND.get(payment.method, f"provider:{payment.provider}")


def post_charge(payment: Payment, now: datetime) -> None:
    """Book money that arrived: we own it, and owe for it as much."""
    about = _of_payment(EntryKind.CHARGE, payment.id, payment)
    post(about, {asset_account(payment): payment.amount, payment.account: -payment.amount}, now)


def post_refund_due(payment: Payment, refund: Refund, now: datetime) -> None:
    """Book that money is on its way back: owed to the buyer as money now, no longer as goods."""
    _post_refund(EntryKind.REFUND_DUE, payment, refund, (payment.account, REFUNDS_PAYABLE), now)


def post_refund(payment: Payment, refund: Refund, now: datetime) -> None:
    """Book money that went back."""
    _post_refund(EntryKind.REFUND, payment, refund, (REFUNDS_PAYABLE, asset_account(payment)), now)


def post_refund_failed(payment: Payment, refund: Refund, now: datetime) -> None:
    """Book that a refund did not happen: the money is owed as before."""
    _post_refund(EntryKind.REFUND_FAILED, payment, refund, (REFUNDS_PAYABLE, payment.account), now)


def post_refund_returned(payment: Payment, refund: Refund, now: datetime) -> None:
    """Book that money which had gone back came to us again."""
    _post_refund(EntryKind.REFUND_RETURNED, payment, refund, (asset_account(payment), payment.account), now)


def post_payout(payout: Payout, now: datetime) -> None:
    """Book money that was paid out."""
    about = About(
        EntryKind.PAYOUT, payout.id, payout.currency, payout=payout, customer_id=payout.customer_id
    )  # fmt: skip
    post(about, {payout.account: payout.amount, f"provider:{payout.provider}": -payout.amount}, now)


def _post_refund(kind: EntryKind, payment: Payment, refund: Refund, way: tuple[str, str], now: datetime) -> None:
    """Debit the first account of `way` and credit the second."""
    debit, credit = way
    about = _of_payment(kind, refund.id, payment, refund, refund.attempt if refund.source == RefundSource.OURS else 1)
    post(about, {debit: refund.amount, credit: -refund.amount}, now)


def _of_payment(
    kind: EntryKind, reference: UUID, payment: Payment, refund: Refund | None = None, attempt: int = 1
) -> About:
    return About(
        kind,
        reference,
        payment.currency,
        attempt=attempt,
        payment=payment,
        refund=refund,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
    )


def post(about: About, sides: dict[str, Decimal], now: datetime) -> None:
    """Write one entry; sides of nothing are left out. The database refuses what does not sum to zero.

    Raises Undeclared where money would leave, or be believed to have come, by a way nobody has declared.
    """
    if about.kind in LEAVING or (about.kind == EntryKind.CHARGE and about.payment and about.payment.method in _BY_HAND):
        require_permit("payments")
    entry = LedgerEntry.objects.create(
        kind=about.kind,
        reference=about.reference,
        attempt=about.attempt,
        payment=about.payment,
        refund=about.refund,
        payout=about.payout,
        order_id=about.order_id,
        customer_id=about.customer_id,
        currency=about.currency,
        created_at=now,
    )
    moved = {code: amount for code, amount in sorted(sides.items()) if amount}
    LedgerAccount.objects.bulk_create([LedgerAccount(code=code) for code in moved], ignore_conflicts=True)
    LedgerLine.objects.bulk_create(
        LedgerLine(entry=entry, account_id=code, amount=amount) for code, amount in moved.items()
    )
    if about.kind in _CAN_UNCOVER and about.order_id:
        before_commit("payments", ("allowance", about.order_id), lambda: level_allowance(about, now))


def level_allowance(about: About, now: datetime, *, is_over: bool = False) -> None:
    """Make an expense of what was given back by hand of an order beyond all that it leaves, once it is over.

    An entry of either sign brings the expense to what it has to be by now: a policy's premium may come back later.
    """
    order_id, account = about.order_id, f"order:{about.order_id}"
    ((balance, given, expense, entries, is_closed),) = fetch(
        "payments", _STANDING, [account, order_id, order_id, ALLOWANCES, order_id, order_id]
    )
    wanted = min(max(balance + expense, ZERO), given)
    if wanted == expense or not (is_over or is_closed or entries):
        return
    about = About(
        EntryKind.ALLOWANCE,
        cast(UUID, order_id),
        about.currency,
        attempt=entries + 1,
        order_id=order_id,
        customer_id=about.customer_id,
    )
    post(about, {ALLOWANCES: wanted - expense, account: expense - wanted}, now)


def is_posted(kind: EntryKind, reference: UUID, attempt: int | None = None) -> bool:
    """Tell whether this was booked before, at all or in this attempt."""
    found = LedgerEntry.objects.filter(kind=kind, reference=reference)
    return (found if attempt is None else found.filter(attempt=attempt)).exists()
