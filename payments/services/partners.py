"""Book what partners do: loans paid into orders, premiums and commissions passed on, sales."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db.models import Sum

from core.db import transaction
from core.money import ZERO, money
from payments.commands import ReceiptItem
from payments.models import EntryKind, LedgerEntry, LedgerLine, LoanPart, LoanState
from payments.services.copies import name_sold
from payments.services.ledger import About, is_posted, level_allowance, post
from payments.services.order_accounts import lock_order_account
from payments.services.receipts import offset_advances

COMMISSION = "commission:insurance"


@dataclass(frozen=True)
class Premium:
    """A policy's premium, paid within an order or by itself; `commission` is our part of it, or None for the usual.

    `attempt` tells apart what is booked of one policy: its purchase is the first, a change has the policy's version.
    """

    policy_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    insurer: str = ""
    commission: Decimal | None = None
    order_id: UUID | None = None
    attempt: int = 1

    @property
    def account(self) -> str:
        """Return whose money it comes from, and goes back to."""
        return f"order:{self.order_id}" if self.order_id else f"policy:{self.policy_id}"

    @property
    def insurer_account(self) -> str:
        """The insurer it is passed on to."""
        return f"insurer:{self.insurer or 'partner'}"


def promise_loan(*, application_id: UUID, order_id: UUID, amount: Decimal) -> None:
    """An offer was accepted: its amount is not asked of the buyer any more. A part that fell through stays void."""
    with transaction("payments"):
        lock_order_account(order_id)
        LoanPart.objects.get_or_create(
            application_id=application_id,
            defaults={"order_id": order_id, "amount": amount, "state": LoanState.PROMISED},
        )


def post_loan(
    *, application_id: UUID, order_id: UUID, customer_id: UUID, amount: Decimal, currency: str, bank: str, now: datetime
) -> None:
    """A loan was paid into an order: the bank owes us its amount."""
    with transaction("payments"):
        lock_order_account(order_id)
        part, _ = LoanPart.objects.update_or_create(
            application_id=application_id,
            defaults={"order_id": order_id, "amount": amount, "state": LoanState.PAID},
        )
        if is_posted(EntryKind.LOAN, application_id):
            return
        about = About(EntryKind.LOAN, application_id, currency, order_id=order_id, customer_id=customer_id)
        post(about, {_lender(bank): part.amount, f"order:{order_id}": -part.amount}, now)


def cancel_loan(*, application_id: UUID, order_id: UUID, now: datetime) -> None:
    """An application ended without a loan, or its loan was taken back: what was booked of it is reversed."""
    with transaction("payments"):
        lock_order_account(order_id)
        LoanPart.objects.update_or_create(
            application_id=application_id,
            defaults={"state": LoanState.VOID},
            create_defaults={"order_id": order_id, "amount": ZERO, "state": LoanState.VOID},
        )
        entry = LedgerEntry.objects.filter(kind=EntryKind.LOAN, reference=application_id).first()
        if entry is None or is_posted(EntryKind.LOAN_CANCELLED, application_id):
            return
        about = About(
            EntryKind.LOAN_CANCELLED,
            application_id,
            entry.currency,
            order_id=entry.order_id,
            customer_id=entry.customer_id,
        )
        post(about, {line.account_id: -line.amount for line in entry.lines.all()}, now)


def pass_on_repayment(
    *, request_id: UUID, loan_id: UUID, customer_id: UUID, amount: Decimal, currency: str, bank: str, now: datetime
) -> None:
    """Pass on what we took for a loan and its bank counted: we owe it to the bank now."""
    with transaction("payments"):
        if amount <= 0 or is_posted(EntryKind.LOAN_REPAYMENT, request_id):
            return
        about = About(EntryKind.LOAN_REPAYMENT, request_id, currency, customer_id=customer_id)
        post(about, {f"loan:{loan_id}": amount, _lender(bank): -amount}, now)


def claim_from_bank(
    *, request_id: UUID, loan_id: UUID, customer_id: UUID, amount: Decimal, currency: str, bank: str, now: datetime
) -> None:
    """Money of a loan that its bank has is the borrower's: the bank owes it to us, or gets so much less from us."""
    with transaction("payments"):
        if is_posted(EntryKind.LOAN_RETURNED, request_id):
            return
        about = About(EntryKind.LOAN_RETURNED, request_id, currency, customer_id=customer_id)
        post(about, {_lender(bank): amount, f"loan:{loan_id}": -amount}, now)


def take_repayment_back(*, request_id: UUID, now: datetime) -> None:
    """A payment that its bank had counted bounced: what was passed on of it is not owed to the bank."""
    with transaction("payments"):
        entry = LedgerEntry.objects.filter(kind=EntryKind.LOAN_REPAYMENT, reference=request_id).first()
        if entry is None or is_posted(EntryKind.LOAN_RETURNED, request_id):
            return
        about = About(EntryKind.LOAN_RETURNED, request_id, entry.currency, customer_id=entry.customer_id)
        post(about, {line.account_id: -line.amount for line in entry.lines.all()}, now)


def post_premium(*, premium: Premium, now: datetime) -> None:
    """A policy is in force, changed or reinstated: what was paid for it is the insurer's, less our commission."""
    with transaction("payments"):
        if premium.amount <= 0 or is_posted(EntryKind.PREMIUM, premium.policy_id, premium.attempt):
            return
        usual = money(premium.amount * Decimal(settings.INSURANCE_COMMISSION_PERCENT) / 100)
        ours = usual if premium.commission is None else premium.commission
        sides = {premium.account: premium.amount, premium.insurer_account: ours - premium.amount, COMMISSION: -ours}
        post(_about(EntryKind.PREMIUM, premium), sides, now)


def return_premium(*, premium: Premium, now: datetime, alone: Decimal = ZERO) -> None:
    """A policy ended early or became cheaper: the insurer owes the part, and we our commission on it, pro rata.

    `alone` is how much of it had been paid by itself, though the policy was bought within an order.
    """
    with transaction("payments"):
        booked = LedgerLine.objects.filter(entry__kind=EntryKind.PREMIUM, entry__reference=premium.policy_id)
        lines = list(booked.order_by("-entry__created_at", "-id").values_list("account_id", "amount"))
        is_known = is_posted(EntryKind.PREMIUM_REFUND, premium.policy_id, premium.attempt)
        if not lines or premium.amount <= 0 or is_known:
            return
        whole = sum((amount for _account, amount in lines if amount > 0), ZERO)
        earned = -sum((amount for account, amount in lines if account == COMMISSION), ZERO)
        back = money(earned * premium.amount / whole)
        insurer = next(account for account, _amount in lines if account.startswith("insurer:"))
        sides = {insurer: premium.amount - back, COMMISSION: back, f"policy:{premium.policy_id}": -alone}
        sides[premium.account] = sides.get(premium.account, ZERO) + alone - premium.amount
        post(_about(EntryKind.PREMIUM_REFUND, premium), sides, now)


def post_sale(
    *, order_id: UUID, customer_id: UUID, now: datetime, receipt: Sequence[ReceiptItem] = (), version_number: int = 0
) -> None:
    """The keys were handed over: what was paid for the goods is earned.

    `receipt` is what was sold, as of the order's version, where pieces of it are marked.
    """
    with transaction("payments"):
        lock_order_account(order_id)
        name_sold(order_id, receipt, version_number)
        lines = LedgerLine.objects.filter(account_id=f"order:{order_id}")
        owed = -(lines.aggregate(total=Sum("amount"))["total"] or ZERO)
        first = LedgerEntry.objects.filter(order_id=order_id).first()
        if first is None or is_posted(EntryKind.SALE, order_id):
            return
        about = About(EntryKind.SALE, order_id, first.currency, order_id=order_id, customer_id=customer_id)
        if owed <= 0:
            level_allowance(about, now, is_over=True)
            return
        post(about, {f"order:{order_id}": owed, "sales": -owed}, now)
        offset_advances(order_id=order_id, now=now)


def reverse_sale(order_id: UUID, now: datetime) -> None:
    """Reverse a sale that comes back: what was earned is the buyer's money again, in the account that is locked."""
    entry = LedgerEntry.objects.filter(kind=EntryKind.SALE, reference=order_id).first()
    if entry is None or is_posted(EntryKind.SALE_RETURNED, order_id):
        return
    earned = sum((line.amount for line in entry.lines.filter(account_id=f"order:{order_id}")), ZERO)
    about = About(EntryKind.SALE_RETURNED, order_id, entry.currency, order_id=order_id, customer_id=entry.customer_id)
    post(about, {"sales": earned, f"order:{order_id}": -earned}, now)


def _about(kind: EntryKind, premium: Premium) -> About:
    return About(
        kind,
        premium.policy_id,
        premium.currency,
        attempt=premium.attempt,
        order_id=premium.order_id,
        customer_id=premium.customer_id,
    )


def _lender(bank: str) -> str:
    return f"lender:{bank or 'partner'}"[:60]
