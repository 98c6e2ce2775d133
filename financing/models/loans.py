"""Loans that were paid out, and the schedule each is repaid by."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from financing.models.applications import Application
from financing.models.fields import amount_field, percent_field, psk_field
from financing.models.programmes import ScheduleType


class LoanStatus(models.TextChoices):
    """Where a loan stands. `cancelled`: its purchase was undone and the money went back to the bank."""

    ACTIVE = "active", _("active")
    CANCELLED = "cancelled", _("cancelled")


class Loan(models.Model):
    """Money lent for an order: roubles, `annual_rate` in per cent a year, `balance` the principal still owed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.OneToOneField(Application, on_delete=models.PROTECT, related_name="loan")
    order_id = models.UUIDField(_("order"))
    customer_id = models.UUIDField(_("customer"))
    principal = amount_field(_("principal"))
    balance = amount_field(_("balance"))
    annual_rate = percent_field(_("rate, % a year"))
    term_months = models.PositiveSmallIntegerField(_("term, months"))
    schedule = models.CharField(_("schedule"), max_length=15, choices=ScheduleType)
    monthly_payment = amount_field(_("monthly payment"))
    total_interest = amount_field(_("total interest"))
    psk = psk_field(_("full cost of credit, % a year"))
    currency = models.CharField(_("currency"), max_length=3)
    status = models.CharField(_("status"), max_length=15, choices=LoanStatus, default=LoanStatus.ACTIVE)
    disbursed_date = models.DateField(_("paid out on"))
    last_due_date = models.DateField(_("last payment on"))
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True)
    version = models.PositiveIntegerField(_("version"), default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("loan")
        verbose_name_plural = _("loans")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(principal__gt=0, balance__gte=0, balance__lte=F("principal")), name="loan_balance_sane"
            ),
            models.CheckConstraint(
                condition=~Q(status=LoanStatus.CANCELLED) | Q(balance=0, cancelled_at__isnull=False),
                name="loan_cancelled_owes_nothing",
            ),
            models.UniqueConstraint(
                fields=["order_id"], condition=Q(status=LoanStatus.ACTIVE), name="one_active_loan_per_order"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "-created_at", "-id"], name="loan_of_customer"),
            models.Index(fields=["-created_at", "-id"], name="loan_newest"),
            models.Index(fields=["order_id"], name="loan_of_order"),
        ]

    def __str__(self) -> str:
        return f"{self.principal} {self.currency}, {self.disbursed_date}"

    def cancel(self, now: datetime) -> None:
        """Undo the payout: nothing is owed any more. Raises WrongTransition."""
        if self.status != LoanStatus.ACTIVE:
            raise WrongTransition(self.status, [])
        self.status, self.balance, self.cancelled_at = LoanStatus.CANCELLED, 0, now
        self.updated_at = now
        self.version += 1


class LoanScheduleRow(models.Model):
    """One payment of a loan's schedule, roubles: payment = principal + interest + fees."""

    id = models.BigAutoField(primary_key=True)
    loan = models.ForeignKey(Loan, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveSmallIntegerField(_("number"))
    due_date = models.DateField(_("due on"))
    payment = amount_field(_("payment"))
    principal = amount_field(_("principal"))
    interest = amount_field(_("interest"))
    fees = amount_field(_("fees"))
    balance = amount_field(_("balance"))

    class Meta:
        verbose_name = _("scheduled payment")
        verbose_name_plural = _("schedule")
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["loan", "number"], name="schedule_row_once"),
            models.CheckConstraint(
                condition=Q(payment=F("principal") + F("interest") + F("fees")), name="schedule_row_adds_up"
            ),
            models.CheckConstraint(condition=Q(balance__gte=0), name="schedule_balance_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.due_date} {self.payment}"
