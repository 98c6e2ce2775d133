"""Loans that were paid out: their contract, how they stand, and the schedules each is repaid by."""

from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from core.money.wording import money_text
from core.postgres.history import OnlyAdded
from financing.models.applications import Application
from financing.models.fields import amount_field, legal_order, percent_field, psk_field, rules_field
from financing.models.programmes import ScheduleType
from financing.rules.bank_rules import BankRules, read_rules


class LoanStatus(models.TextChoices):
    """State of a loan. `cancelled`: its purchase was undone and the money went back to the bank."""

    ACTIVE = "active", _("active")
    OVERDUE = "overdue", _("overdue")
    CLOSED = "closed", _("repaid")
    WRITTEN_OFF = "written_off", _("written off")
    CANCELLED = "cancelled", _("cancelled")


class LoanStage(models.TextChoices):
    """Treatment of a running loan besides its status: payments suspended, or the debt being collected."""

    NONE = "", _("as agreed")
    MORATORIUM = "moratorium", _("credit holidays")
    COLLECTION = "collection", _("in collection")


RUNNING = (LoanStatus.ACTIVE, LoanStatus.OVERDUE)
TRANSITIONS: dict[str, tuple[str, ...]] = {
    LoanStatus.ACTIVE: (LoanStatus.OVERDUE, LoanStatus.CLOSED, LoanStatus.CANCELLED),
    LoanStatus.OVERDUE: (LoanStatus.ACTIVE, LoanStatus.CLOSED, LoanStatus.WRITTEN_OFF, LoanStatus.CANCELLED),
    LoanStatus.CLOSED: (*RUNNING, LoanStatus.CANCELLED),
}
"""A repaid loan runs again when the payment that closed it bounces."""


class Loan(models.Model):
    """Money lent for an order: roubles, `annual_rate` in per cent a year, `balance` the principal still owed.

    What stands from `overdue_amount` on is a picture of one day, drawn anew from instalments and money by their dates.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.OneToOneField(Application, on_delete=models.PROTECT, related_name="loan")
    order_id = models.UUIDField(_("order"))
    customer_id = models.UUIDField(_("customer"))
    bank = models.CharField(_("bank"), max_length=120, blank=True, default="", db_default="")
    principal = amount_field(_("principal"))
    financed_fee = amount_field(_("fees added to the loan"), default=Decimal(0), db_default=Decimal(0))
    withheld_fee = amount_field(_("fees kept from the payout"), default=Decimal(0), db_default=Decimal(0))
    balance = amount_field(_("balance"))
    annual_rate = percent_field(_("rate, % a year"))
    term_months = models.PositiveSmallIntegerField(_("term, months"))
    schedule = models.CharField(_("schedule"), max_length=15, choices=ScheduleType)
    bank_rules = rules_field()
    balloon = amount_field(_("residual payment"), default=Decimal(0), db_default=Decimal(0))
    monthly_payment = amount_field(_("monthly payment"))
    total_interest = amount_field(_("total interest"))
    psk = psk_field(_("full cost of credit, % a year"))
    currency = models.CharField(_("currency"), max_length=3)
    penalty_daily_percent = percent_field(
        _("penalty, % a day of what is overdue"), default=Decimal(0), db_default=Decimal(0)
    )
    is_interest_on_overdue = models.BooleanField(
        _("interest runs on overdue principal"), default=False, db_default=False
    )
    allocation_order = models.JSONField(
        _("what money is spent on, in order"),
        default=legal_order,
        db_default=models.Value(legal_order(), models.JSONField()),
    )
    status = models.CharField(_("status"), max_length=15, choices=LoanStatus, default=LoanStatus.ACTIVE)
    stage = models.CharField(
        _("stage"), max_length=15, choices=LoanStage, blank=True, default=LoanStage.NONE, db_default=LoanStage.NONE
    )
    stage_until = models.DateField(_("stage until"), null=True)
    disbursed_date = models.DateField(_("paid out on"))
    cooling_off_until = models.DateField(_("may be returned until"), null=True)
    last_due_date = models.DateField(_("last payment on"))
    schedule_version = models.PositiveSmallIntegerField(_("version of the schedule"), default=1, db_default=1)
    overdue_amount = amount_field(_("overdue"), default=Decimal(0), db_default=Decimal(0))
    penalty_amount = amount_field(_("penalty"), default=Decimal(0), db_default=Decimal(0))
    deposit = amount_field(_("waits for the next payment"), default=Decimal(0), db_default=Decimal(0))
    next_due_date = models.DateField(_("next payment on"), null=True)
    next_payment = amount_field(_("next payment"), default=Decimal(0), db_default=Decimal(0))
    overdue_since = models.DateField(_("unpaid since"), null=True)
    days_past_due = models.PositiveIntegerField(_("days past due"), default=0, db_default=0)
    accrued_on = models.DateField(_("as of"), null=True)
    reminded_for = models.DateField(_("reminded of"), null=True)
    told_overdue = models.DateField(_("told overdue since"), null=True)
    closed_at = models.DateTimeField(_("closed at"), null=True)
    written_off_amount = amount_field(_("written off"), default=Decimal(0), db_default=Decimal(0))
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
            models.CheckConstraint(
                condition=~Q(status=LoanStatus.CLOSED)
                | Q(balance=0, overdue_amount=0, penalty_amount=0, closed_at__isnull=False),
                name="loan_closed_owes_nothing",
            ),
            models.CheckConstraint(
                condition=Q(overdue_amount__gte=0, penalty_amount__gte=0, deposit__gte=0, written_off_amount__gte=0),
                name="loan_picture_not_negative",
            ),
            models.UniqueConstraint(
                fields=["order_id"], condition=~Q(status=LoanStatus.CANCELLED), name="one_loan_lent_per_order"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "-created_at", "-id"], name="loan_of_customer"),
            models.Index(fields=["-created_at", "-id"], name="loan_newest"),
            models.Index(fields=["order_id"], name="loan_of_order"),
            models.Index(fields=["status", "id"], name="loan_by_status"),
            models.Index(fields=["-days_past_due", "-id"], name="loan_latest_payers"),
        ]

    def __str__(self) -> str:
        return f"{money_text(self.principal, self.currency)}, {self.disbursed_date}"

    @cached_property
    def rules(self) -> BankRules:
        """The bank's conventions as they were signed."""
        return read_rules(self.bank_rules)

    @property
    def before_fees(self) -> Decimal:
        """Return what was lent before the fees that came on top, roubles: per cents of fees are of it."""
        base: Decimal = self.principal - self.financed_fee
        return base

    @property
    def paid_out(self) -> Decimal:
        """Return what the order was paid, roubles: the rest of the principal are fees that the loan itself paid."""
        paid: Decimal = self.principal - self.financed_fee - self.withheld_fee
        return paid

    def is_cooling_off_on(self, day: date) -> bool:
        """Tell whether the borrower may still return it as if it had never been taken."""
        return self.is_running and self.cooling_off_until is not None and day <= self.cooling_off_until

    @property
    def is_running(self) -> bool:
        """Tell whether the borrower still pays it back."""
        return self.status in RUNNING

    def move(self, target: str, now: datetime) -> None:
        """Step to `target`. Raises WrongTransition."""
        allowed = TRANSITIONS.get(self.status, ())
        if target not in allowed:
            raise WrongTransition(self.status, list(allowed))
        self.status = target
        self.closed_at = now if target == LoanStatus.CLOSED else None

    def enter(self, stage: LoanStage, until: date | None = None) -> None:
        """Step to a stage; only a late loan is collected, until credit holidays. Raises WrongTransition."""
        allowed = [LoanStage.NONE] if self.stage else [LoanStage.MORATORIUM]
        if not self.stage and self.status == LoanStatus.OVERDUE:
            allowed.append(LoanStage.COLLECTION)
        if self.stage == LoanStage.COLLECTION:
            allowed.append(LoanStage.MORATORIUM)
        if not self.is_running or stage not in allowed:
            raise WrongTransition(self.stage or self.status, [item.value for item in allowed])
        self.stage, self.stage_until = stage, until

    def touch(self, now: datetime) -> None:
        """Record that the loan changed."""
        self.updated_at = now
        self.version += 1

    def cancel(self, now: datetime) -> None:
        """Undo the payout: nothing is owed any more. Raises WrongTransition."""
        self.move(LoanStatus.CANCELLED, now)
        self.cancelled_at = now
        self._clear()
        self.touch(now)

    def write_off(self, now: datetime) -> None:
        """Give up what is still owed: the principal becomes a loss. Raises WrongTransition."""
        self.move(LoanStatus.WRITTEN_OFF, now)
        self.written_off_amount = self.balance
        self._clear()
        self.touch(now)

    def _clear(self) -> None:
        self.stage, self.stage_until = LoanStage.NONE, None
        self.balance = self.overdue_amount = self.penalty_amount = self.deposit = self.next_payment = Decimal(0)
        self.next_due_date = self.overdue_since = None
        self.days_past_due = 0


class VersionKind(models.TextChoices):
    """Cause of a schedule."""

    PAYOUT = "payout", _("payout")
    REDUCE_TERM = "reduce_term", _("early repayment, shorter term")
    REDUCE_PAYMENT = "reduce_payment", _("early repayment, smaller payment")
    PAYOFF = "payoff", _("full early repayment")
    RESTRUCTURING = "restructuring", _("restructuring")
    MORATORIUM = "moratorium", _("credit holidays")
    REDATING = "redating", _("payments moved off new days off")


class LoanVersion(models.Model):
    """A schedule that took over on `from_date`: it rules every instalment due after that day; earlier ones stay.

    Roubles, `annual_rate` in per cent a year. `principal` is what was owed after it, `carried_interest` is owed from
    before and joins the first row; after credit holidays `deferred_interest`, which holds it too, joins the last one.
    `repaid_*` were paid by the act that made it, `waived_penalty` was forgiven by it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField(_("version"))
    kind = models.CharField(_("made by"), max_length=15, choices=VersionKind)
    from_date = models.DateField(_("from"))
    period_start = models.DateField(_("its first period began on"))
    annual_rate = percent_field(_("rate, % a year"))
    principal = amount_field(_("principal"))
    payment = amount_field(_("payment, or its part of the principal"))
    monthly_payment = amount_field(_("monthly payment"))
    psk = psk_field(_("full cost of credit, % a year"))
    carried_interest = amount_field(_("interest carried over"), default=Decimal(0))
    deferred_interest = amount_field(
        _("interest put off to the last payment"), default=Decimal(0), db_default=Decimal(0)
    )
    repaid_principal = amount_field(_("principal repaid"), default=Decimal(0))
    repaid_interest = amount_field(_("interest repaid"), default=Decimal(0))
    waived_penalty = amount_field(_("penalty forgiven"), default=Decimal(0))
    reason = models.TextField(_("reason"), blank=True, default="")
    made_by = models.UUIDField(_("made by user"), null=True)
    created_at = models.DateTimeField(_("created at"))
    cancelled_at = models.DateTimeField(_("taken back at"), null=True)
    only_added: ClassVar = OnlyAdded(words=("reason",), steps={"cancelled_at": None, "reason": "", "made_by": None})

    class Meta:
        verbose_name = _("version of a schedule")
        verbose_name_plural = _("versions of the schedule")
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["loan", "number"], name="schedule_version_once"),
            models.CheckConstraint(
                condition=Q(principal__gte=0, carried_interest__gte=0, repaid_principal__gte=0, repaid_interest__gte=0)
                & Q(waived_penalty__gte=0),
                name="schedule_version_not_negative",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at", "id"], name="loan_version_by_created_at"),
            models.Index(
                fields=["made_by", "created_at", "id"], condition=Q(made_by__isnull=False), name="loan_version_by_maker"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.get_kind_display()}"


class LoanScheduleRow(models.Model):
    """One payment of a version of a loan's schedule, roubles: payment = principal + interest + fees."""

    id = models.BigAutoField(primary_key=True)
    loan = models.ForeignKey(Loan, on_delete=models.CASCADE, related_name="rows")
    version = models.PositiveSmallIntegerField(_("version"), default=1, db_default=1)
    number = models.PositiveSmallIntegerField(_("number"))
    due_date = models.DateField(_("due on"))
    payment = amount_field(_("payment"))
    principal = amount_field(_("principal"))
    interest = amount_field(_("interest"))
    fees = amount_field(_("fees"))
    balance = amount_field(_("balance"))
    only_added: ClassVar = OnlyAdded()

    class Meta:
        verbose_name = _("scheduled payment")
        verbose_name_plural = _("schedule")
        ordering: ClassVar = ["version", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["loan", "version", "number"], name="schedule_row_once_per_version"),
            models.CheckConstraint(
                condition=Q(payment=F("principal") + F("interest") + F("fees")), name="schedule_row_adds_up"
            ),
            models.CheckConstraint(condition=Q(balance__gte=0), name="schedule_balance_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.due_date} {self.payment}"


class LoanStageChange(models.Model):
    """One step of a loan into or out of a stage: `ground` and `reason` as somebody gave them, empty for the clock's."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="stages")
    stage = models.CharField(_("stage"), max_length=15, choices=LoanStage, blank=True, default=LoanStage.NONE)
    ground = models.CharField(_("ground"), max_length=15, blank=True, default="")
    from_date = models.DateField(_("from"))
    until = models.DateField(_("until"), null=True)
    reason = models.TextField(_("reason"), blank=True, default="")
    made_by = models.UUIDField(_("made by user"), null=True)
    created_at = models.DateTimeField(_("created at"))
    only_added: ClassVar = OnlyAdded(words=("reason",))

    class Meta:
        verbose_name = _("stage of a loan")
        verbose_name_plural = _("stages of the loan")
        indexes: ClassVar = [
            models.Index(fields=["loan", "id"], name="loan_stage_of_loan"),
            models.Index(fields=["created_at", "id"], name="loan_stage_by_created_at"),
            models.Index(
                fields=["made_by", "created_at", "id"], condition=Q(made_by__isnull=False), name="loan_stage_by_maker"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_stage_display()}, {self.from_date}"
