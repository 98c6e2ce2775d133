"""Money of running loans: what borrowers paid, and the double-entry book of each loan."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from core.money.wording import money_text
from core.postgres.history import OnlyAdded
from financing.models.fields import amount_field
from financing.models.loans import Loan, LoanVersion


class PaymentKind(models.TextChoices):
    """Purpose of the money."""

    INSTALMENT = "instalment", _("instalment")
    EARLY = "early", _("early repayment")
    RETURN = "return", _("return in the cooling-off days")


class LoanPaymentMethod(models.TextChoices):
    """Method by which a borrower pays. `account`: the lending bank debits the borrower's own account with it."""

    CARD = "card", _("card")
    SBP = "sbp", _("fast payment system")
    CASH = "cash", _("cash")
    BANK_TRANSFER = "bank_transfer", _("bank transfer")
    ACCOUNT = "account", _("account at the bank")


class LoanPaymentStatus(models.TextChoices):
    """State of a payment. `scheduled`: an early repayment ordered for a later day."""

    SCHEDULED = "scheduled", _("scheduled")
    PENDING = "pending", _("pending")
    RECEIVED = "received", _("received")
    FAILED = "failed", _("failed")
    REVERSED = "reversed", _("reversed")


_S = LoanPaymentStatus
PAYMENT_TRANSITIONS: dict[str, tuple[str, ...]] = {
    _S.SCHEDULED: (_S.PENDING, _S.FAILED),
    _S.PENDING: (_S.RECEIVED, _S.FAILED),
    _S.FAILED: (_S.RECEIVED,),
    _S.RECEIVED: (_S.REVERSED,),
}
"""A refused payment may still arrive: the later answer of a bank is the true one."""


class LoanPayment(models.Model):
    """Money for a loan, roubles; its id is the request's at payments. Counted from `value_date` once received.

    `spent` is what it did at once, by part; `surplus` is what of it went back to the borrower. A debit of the
    borrower's account is a mandate until its bank answers, with its `reference`: over the bank's `connection`, or by a
    person's evidence (`answered_by`) where that is empty or silent. `recalled_at`: the bank took it back, and that
    could not be counted yet.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="payments")
    kind = models.CharField(_("kind"), max_length=15, choices=PaymentKind)
    method = models.CharField(_("method"), max_length=15, choices=LoanPaymentMethod)
    status = models.CharField(_("status"), max_length=15, choices=LoanPaymentStatus)
    amount = amount_field(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    strategy = models.CharField(_("shortens"), max_length=15, blank=True, default="")
    value_date = models.DateField(_("value date"))
    spent = models.JSONField(_("spent on"), default=dict)
    surplus = amount_field(_("returned"), default=Decimal(0))
    connection = models.CharField(_("connection"), max_length=30, blank=True, default="", db_default="")
    reference = models.CharField(_("number at the bank"), max_length=60, blank=True, default="", db_default="")
    schedule = models.OneToOneField(LoanVersion, null=True, on_delete=models.PROTECT, related_name="made_of")
    failure_code = models.CharField(_("failure code"), max_length=60, blank=True, default="")
    failure_detail = models.CharField(_("failure"), max_length=255, blank=True, default="")
    created_by = models.UUIDField(_("created by"))
    created_at = models.DateTimeField(_("created at"))
    received_at = models.DateTimeField(_("received at"), null=True)
    reversed_at = models.DateTimeField(_("reversed at"), null=True)
    reversed_by = models.UUIDField(_("reversed by"), null=True)
    asked_at = models.DateTimeField(_("bank asked at"), null=True)
    answered_by = models.UUIDField(_("answer brought by"), null=True)
    recalled_at = models.DateTimeField(_("taken back by the bank at"), null=True)
    reason = models.TextField(_("reason"), blank=True, default="")

    class Meta:
        verbose_name = _("loan payment")
        verbose_name_plural = _("loan payments")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="loan_payment_positive"),
            models.CheckConstraint(condition=Q(surplus__gte=0), name="loan_payment_surplus_not_negative"),
            models.CheckConstraint(
                condition=~Q(status__in=[_S.RECEIVED, _S.REVERSED]) | Q(received_at__isnull=False),
                name="loan_payment_received_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["loan", "-created_at", "-id"], name="loan_payment_newest"),
            models.Index(fields=["value_date"], condition=Q(status="scheduled"), name="loan_payment_scheduled"),
            models.Index(
                fields=["asked_at"], condition=Q(method="account", status="pending"), name="loan_debit_waiting"
            ),
            models.Index(
                fields=["received_at"], condition=Q(method="account", status="received"), name="loan_debit_received"
            ),
            models.Index(fields=["recalled_at"], condition=Q(recalled_at__isnull=False), name="loan_debit_recalled"),
        ]

    def __str__(self) -> str:
        return f"{money_text(self.amount, self.currency)}, {self.value_date}"

    def move(self, target: str) -> None:
        """Step to `target`. Raises WrongTransition."""
        allowed = PAYMENT_TRANSITIONS.get(self.status, ())
        if target not in allowed:
            raise WrongTransition(self.status, list(allowed))
        self.status = target

    @property
    def is_debit(self) -> bool:
        """Tell whether the lending bank takes it from the borrower's account."""
        return self.method == LoanPaymentMethod.ACCOUNT

    def receive(self, now: datetime) -> None:
        """The money is here. Raises WrongTransition."""
        self.move(_S.RECEIVED)
        self.received_at = now
        self.failure_code = self.failure_detail = ""


class RefundStatus(models.TextChoices):
    """State of money that goes back. A failed one may still leave: payments try again."""

    REQUESTED = "requested", _("asked of payments")
    PAID = "paid", _("left us")
    FAILED = "failed", _("failed")


class LoanRefund(models.Model):
    """Money above what was owed that goes back to the borrower through payments, roubles; `id` names the request."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="refunds")
    payment = models.ForeignKey(LoanPayment, on_delete=models.PROTECT, related_name="refunds")
    amount = amount_field(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    reason = models.CharField(_("reason"), max_length=120)
    status = models.CharField(_("status"), max_length=10, choices=RefundStatus, default=RefundStatus.REQUESTED)
    failure_code = models.CharField(_("failure"), max_length=60, blank=True, default="")
    failure_detail = models.TextField(_("failure in words"), blank=True, default="")
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    settled_at = models.DateTimeField(_("settled at"), null=True)

    class Meta:
        verbose_name = _("refund of a loan")
        verbose_name_plural = _("refunds of loans")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="loan_refund_positive"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="loan_refund_newest"),
        ]

    def __str__(self) -> str:
        return f"{money_text(self.amount, self.currency)}, {self.get_status_display()}"


class Account(models.TextChoices):
    """Accounts of a loan's book; debits are positive: what the bank has and is owed."""

    CASH = "cash", _("money")
    PRINCIPAL = "principal", _("principal owed")
    LOSS = "loss", _("written off")
    DEPOSIT = "deposit", _("borrower's money")
    INTEREST = "interest", _("interest earned")
    PENALTY = "penalty", _("penalties earned")
    OTHER = "other", _("other earnings")


class EntryKind(models.TextChoices):
    """Kind of entry in the ledger."""

    PAYOUT = "payout", _("payout")
    PAYMENT = "payment", _("payment")
    EARLY = "early", _("early repayment")
    RETURN = "return", _("return in the cooling-off days")
    SURPLUS = "surplus", _("returned surplus")
    DUE = "due", _("deposit spent on a due date")
    RESTRUCTURING = "restructuring", _("restructuring")
    REVERSAL = "reversal", _("reversal")
    WRITE_OFF = "write_off", _("write-off")
    CANCELLATION = "cancellation", _("cancellation")


class LoanEntry(models.Model):
    """One movement in a loan's book: its lines sum to zero. Only ever added."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(_("kind"), max_length=15, choices=EntryKind)
    payment = models.ForeignKey(LoanPayment, null=True, on_delete=models.PROTECT, related_name="entries")
    day = models.DateField(_("day"))
    reason = models.TextField(_("reason"), blank=True, default="", db_default="")
    made_by = models.UUIDField(_("made by user"), null=True)
    created_at = models.DateTimeField(_("created at"))
    only_added: ClassVar = OnlyAdded(words=("reason",))

    class Meta:
        verbose_name = _("entry of a loan's book")
        verbose_name_plural = _("book of the loan")
        indexes: ClassVar = [
            models.Index(fields=["loan", "id"], name="loan_entry_of_loan"),
            models.Index(fields=["created_at", "id"], name="loan_entry_by_created_at"),
            models.Index(
                fields=["made_by", "created_at", "id"], condition=Q(made_by__isnull=False), name="loan_entry_by_maker"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.day}"


class LoanLine(models.Model):
    """One side of an entry, roubles."""

    id = models.BigAutoField(primary_key=True)
    entry = models.ForeignKey(LoanEntry, on_delete=models.PROTECT, related_name="lines")
    account = models.CharField(_("account"), max_length=15, choices=Account)
    amount = amount_field(_("amount"))
    only_added: ClassVar = OnlyAdded()

    class Meta:
        verbose_name = _("line of a loan's book")
        verbose_name_plural = _("lines of a loan's book")
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(amount=0), name="loan_line_moves"),
            models.UniqueConstraint(fields=["entry", "account"], name="loan_line_once_per_entry"),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount}"
