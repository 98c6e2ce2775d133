"""The double-entry ledger; triggers see to it that entries balance and that nothing is changed."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.postgres.history import OnlyAdded
from payments.models.payments import Payment
from payments.models.payouts import Payout
from payments.models.refunds import Refund

REFUNDS_PAYABLE = "refunds_payable"
"""Account of what is on its way back to those who paid."""


class LedgerAccount(models.Model):
    """An account of the books. Positive lines are debits: what we own grows, what we owe shrinks."""

    code = models.CharField(_("account"), max_length=60, primary_key=True)

    class Meta:
        verbose_name = _("ledger account")
        verbose_name_plural = _("ledger accounts")

    def __str__(self) -> str:
        return self.code


class EntryKind(models.TextChoices):
    """Kind of entry in the ledger."""

    CHARGE = "charge", _("payment")
    REFUND_DUE = "refund_due", _("refund promised")
    REFUND = "refund", _("refund")
    REFUND_FAILED = "refund_failed", _("refund failed")
    REFUND_RETURNED = "refund_returned", _("refund came back")
    LOAN = "loan", _("loan paid out")
    LOAN_CANCELLED = "loan_cancelled", _("loan cancelled")
    LOAN_REPAYMENT = "loan_repayment", _("loan payment passed on")
    LOAN_RETURNED = "loan_returned", _("loan money owed by its bank")
    PREMIUM = "premium", _("premium")
    PREMIUM_REFUND = "premium_refund", _("premium returned")
    CLAIM = "claim", _("claim granted")
    PAYOUT_DUE = "payout_due", _("payout instead of a refund")
    PAYOUT = "payout", _("payout")
    FORFEIT = "forfeit", _("earnest money forfeited")
    DOUBLED = "doubled", _("earnest money returned double")
    SALE = "sale", _("sale")
    SALE_RETURNED = "sale_returned", _("sale undone by a return")
    ALLOWANCE = "allowance", _("allowance beyond the deal")
    TRADE_IN = "trade_in", _("car taken in exchange")
    TRADE_IN_UNDONE = "trade_in_undone", _("exchange undone")


class LedgerEntry(models.Model):
    """One movement of money: its lines sum to zero, and the same effect is booked once.

    `reference` is what is booked (the payment, refund, payout, loan, policy or order); `attempt` tells repeated
    tries of a refund apart. Entries about another app's objects have neither payment nor refund nor payout.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=20, choices=EntryKind)
    reference = models.UUIDField(_("books"))
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=1, db_default=1)
    payment = models.ForeignKey(Payment, null=True, on_delete=models.PROTECT, related_name="entries")
    refund = models.ForeignKey(Refund, null=True, on_delete=models.PROTECT, related_name="entries")
    payout = models.ForeignKey(Payout, null=True, on_delete=models.PROTECT, related_name="entries")
    order_id = models.UUIDField(_("order"), null=True)
    customer_id = models.UUIDField(_("customer"), null=True)
    currency = models.CharField(_("currency"), max_length=3)
    created_at = models.DateTimeField(_("created at"))
    only_added: ClassVar = OnlyAdded()

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "reference", "attempt"], name="ledger_books_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["order_id"], name="entry_of_order"),
            models.Index(fields=["customer_id"], name="entry_of_customer"),
            models.Index(fields=["-created_at"], name="entry_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {timezone.localtime(self.created_at):%d.%m.%Y}"


class LedgerLine(models.Model):
    """One side of an entry: a signed amount on an account. Only ever added."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    entry = models.ForeignKey(LedgerEntry, on_delete=models.PROTECT, related_name="lines")
    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="lines")
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    only_added: ClassVar = OnlyAdded()

    class Meta:
        verbose_name = _("ledger line")
        verbose_name_plural = _("ledger lines")
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(amount=0), name="ledger_line_moves")]
        indexes: ClassVar = [models.Index(fields=["account", "-id"], include=["amount"], name="line_of_account")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.amount}"
