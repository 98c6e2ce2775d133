"""Policies: cover that was bought, and how it ended."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from core.money import ZERO
from core.postgres.history import Lapse, OnlyAdded
from core.vin import VIN_LENGTH
from insurance.models.fields import amount_field, type_field
from insurance.models.quotes import Quote
from insurance.rules.tariffs import DEFAULT_INSURER


class PolicyStatus(models.TextChoices):
    """State of a policy."""

    PENDING = "pending", _("pending")
    ACTIVE = "active", _("in force")
    CANCEL_SCHEDULED = "cancel_scheduled", _("in force, its cancellation is set")
    SUSPENDED = "suspended", _("suspended: an instalment is not paid")
    EXPIRED = "expired", _("expired")
    CANCELLED = "cancelled", _("cancelled")
    NOT_TAKEN_UP = "not_taken_up", _("not taken up")


_S = PolicyStatus
TRANSITIONS: dict[str, tuple[str, ...]] = {
    _S.PENDING: (_S.ACTIVE, _S.NOT_TAKEN_UP),
    _S.NOT_TAKEN_UP: (_S.PENDING, _S.ACTIVE),
    _S.ACTIVE: (_S.EXPIRED, _S.CANCELLED, _S.CANCEL_SCHEDULED, _S.SUSPENDED),
    _S.SUSPENDED: (_S.ACTIVE, _S.CANCELLED, _S.EXPIRED),
    _S.CANCEL_SCHEDULED: (_S.EXPIRED, _S.CANCELLED, _S.CANCEL_SCHEDULED, _S.ACTIVE),
    _S.CANCELLED: (_S.ACTIVE,),
}
"""Every step a policy may take; a status that is not a key is final."""

IN_FORCE = (_S.ACTIVE, _S.CANCEL_SCHEDULED)
ALIVE = (*IN_FORCE, _S.SUSPENDED)
"""Bought and not ended; what is suspended covers nothing until it is paid for."""
RENEWED_FROM = timedelta(days=60)
"""How long before its end a policy can be renewed."""


class _Days(Func):
    """Days of cover, the first and the last of them too; none where the cover ends before it began."""

    function = "DATERANGE"
    output_field = DateRangeField()


class Policy(models.Model):
    """Cover from `activated_at` through `end_date`; both dates count. Roubles.

    `premium` is that of the whole term, whatever of it was paid so far. `cancel_date` is the last day of cover of a
    policy whose cancellation is set for a day to come. With `autopay_method_id`, a payment method stored with payments,
    instalments are charged by themselves. `is_sole` is false only where a release before this one put it in force: then
    the database does not watch over it. While `unconfirmed` names anything, told by the client alone, the premium is
    provisional.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.CharField(_("number"), max_length=24, unique=True)
    quote = models.OneToOneField(Quote, on_delete=models.PROTECT, related_name="policy", verbose_name=_("quote"))
    order_id = models.UUIDField(_("order"), null=True)
    attempt_id = models.UUIDField(_("checkout attempt"), null=True)
    customer_id = models.UUIDField(_("customer"))
    insurance_type = type_field()
    status = models.CharField(_("status"), max_length=20, choices=PolicyStatus, default=_S.PENDING)
    variant = models.PositiveSmallIntegerField(_("variant of the quote"), default=0, db_default=0)
    insurer = models.CharField(_("insurer"), max_length=30, default=DEFAULT_INSURER, db_default=DEFAULT_INSURER)
    insurer_ref = models.CharField(_("number at the insurer"), max_length=60, blank=True, default="", db_default="")
    beneficiary = models.CharField(_("beneficiary"), max_length=100, blank=True, default="", db_default="")
    renewal_of = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="renewal", verbose_name=_("renewal of")
    )
    decline_code = models.CharField(_("refusal"), max_length=60, blank=True, default="", db_default="")
    decline_detail = models.CharField(_("why"), max_length=300, blank=True, default="", db_default="")
    vehicle_vin = models.CharField(_("VIN"), max_length=VIN_LENGTH)
    is_sole = models.BooleanField(_("the only one of its kind for the car"), default=False, db_default=False)
    unconfirmed = models.JSONField(
        _("told and not confirmed"), default=list, db_default=models.Value([], models.JSONField())
    )
    confirmed_by = models.UUIDField(_("confirmed by"), null=True)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)
    evidence = models.TextField(_("evidence"), blank=True, default="", db_default="")
    premium = amount_field(_("premium"))
    coverage_amount = amount_field(_("sum insured"))
    insured_value = amount_field(_("insured value"))
    deductible = amount_field(_("deductible"))
    currency = models.CharField(_("currency"), max_length=3)
    start_date = models.DateField(_("from"))
    end_date = models.DateField(_("through"))
    activated_at = models.DateTimeField(_("in force since"), null=True)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True)
    cancel_date = models.DateField(_("to be cancelled after"), null=True)
    cancel_reason = models.TextField(_("reason"), blank=True, default="")
    refund_amount = amount_field(_("refund"), null=True)
    autopay_method_id = models.UUIDField(_("stored payment method for instalments"), null=True)
    autopay_method = models.CharField(_("its kind"), max_length=15, blank=True, default="", db_default="")
    version = models.PositiveIntegerField(_("version"), default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(premium__gt=0, coverage_amount__gt=0, end_date__gte=F("start_date")),
                name="policy_amounts_sane",
            ),
            models.CheckConstraint(
                condition=Q(refund_amount__isnull=True) | Q(refund_amount__gte=0, refund_amount__lte=F("premium")),
                name="policy_refund_within_premium",
            ),
            models.CheckConstraint(
                condition=Q(status=_S.CANCELLED, cancelled_at__isnull=False, refund_amount__isnull=False)
                | ~Q(status=_S.CANCELLED) & Q(cancelled_at__isnull=True, refund_amount__isnull=True),
                name="policy_refunded_when_cancelled",
            ),
            models.CheckConstraint(
                condition=Q(activated_at__isnull=False) | Q(status__in=[_S.PENDING, _S.NOT_TAKEN_UP]),
                name="policy_active_since",
            ),
            models.CheckConstraint(
                condition=Q(status=_S.CANCEL_SCHEDULED, cancel_date__isnull=False, cancel_date__lt=F("end_date"))
                | ~Q(status=_S.CANCEL_SCHEDULED),
                name="policy_cancelled_before_its_end",
            ),
            ExclusionConstraint(
                name="one_policy_of_a_kind_per_car",
                expressions=[
                    ("vehicle_vin", RangeOperators.EQUAL),
                    ("insurance_type", RangeOperators.EQUAL),
                    (
                        _Days(
                            "start_date",
                            Greatest("start_date", Coalesce("cancel_date", "end_date")),
                            RangeBoundary(inclusive_lower=True, inclusive_upper=True),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(is_sole=True, status__in=ALIVE),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "-created_at", "-id"], name="policy_of_customer"),
            models.Index(fields=["-created_at", "-id"], name="policy_newest"),
            models.Index(fields=["vehicle_vin", "insurance_type"], name="policy_of_vehicle"),
            models.Index(fields=["order_id"], condition=Q(order_id__isnull=False), name="policy_of_order"),
            models.Index(fields=["attempt_id"], condition=Q(attempt_id__isnull=False), name="policy_of_attempt"),
        ]

    def __str__(self) -> str:
        return self.number

    def _move(self, target: str, now: datetime) -> None:
        allowed = TRANSITIONS.get(self.status, ())
        if target not in allowed:
            raise WrongTransition(self.status, list(allowed))
        self.status, self.updated_at = target, now
        self.version += 1

    @property
    def paying_order_id(self) -> UUID | None:
        """The order whose payment holds its premium; None when it was paid by itself, whatever its quote was for."""
        return self.order_id if self.attempt_id is not None else None

    @property
    def is_alive(self) -> bool:
        """Tell whether it was bought and has not ended; its cover may begin on a day to come, or be suspended."""
        return self.status in ALIVE

    def activate(self, now: datetime) -> None:
        """Put a paid policy in force from now, or from its first day if that is later. Raises WrongTransition."""
        self._move(_S.ACTIVE, now)
        self.activated_at, self.is_sole = now, True
        self.decline_code = self.decline_detail = ""

    def reopen(self, now: datetime) -> None:
        """Let a policy that nobody took be bought after all. Raises WrongTransition."""
        self._move(_S.PENDING, now)
        self.decline_code = self.decline_detail = ""

    def decline(self, *, code: str, detail: str, now: datetime) -> None:
        """End a policy that never came into force, and say why. Raises WrongTransition."""
        self._move(_S.NOT_TAKEN_UP, now)
        self.decline_code, self.decline_detail = code[:60], detail[:300]

    def reinstate(self, now: datetime) -> None:
        """Put a cancelled policy back in force as if it never ended. Raises WrongTransition."""
        if self.status != _S.CANCELLED:
            raise WrongTransition(self.status, [])
        self._move(_S.ACTIVE, now)
        self.is_sole = True
        self.cancelled_at, self.refund_amount, self.cancel_date, self.cancel_reason = None, None, None, ""

    def schedule_cancellation(self, last_date: date, *, reason: str, now: datetime) -> None:
        """Let the policy end with `last_date`, a day to come. Raises WrongTransition."""
        self._move(_S.CANCEL_SCHEDULED, now)
        self.cancel_date, self.cancel_reason = last_date, reason

    def keep(self, now: datetime) -> None:
        """Forget a cancellation that was set for a day to come. Raises WrongTransition."""
        if self.status != _S.CANCEL_SCHEDULED:
            raise WrongTransition(self.status, [])
        self._move(_S.ACTIVE, now)
        self.cancel_date, self.cancel_reason = None, ""

    def suspend(self, now: datetime) -> None:
        """Cover nothing until the instalment that is due is paid. Raises WrongTransition."""
        self._move(_S.SUSPENDED, now)

    def resume(self, now: datetime) -> None:
        """Cover again from now on: what was due is paid. Raises WrongTransition."""
        if self.status != _S.SUSPENDED:
            raise WrongTransition(self.status, [])
        self._move(_S.ACTIVE, now)

    def confirm(self, *, by: UUID, evidence: str, now: datetime) -> None:
        """Note that somebody has seen that what the premium depends on is so. Raises WrongTransition."""
        if not self.unconfirmed or not (self.is_alive or self.status == _S.PENDING):
            raise WrongTransition(self.status, [])
        self.unconfirmed, self.confirmed_by, self.confirmed_at, self.evidence = [], by, now, evidence
        self.touch(now)

    def doubt(self, told: list[str]) -> None:
        """Note that the premium depends on something new that the client alone says."""
        self.unconfirmed, self.confirmed_by, self.confirmed_at, self.evidence = told, None, None, ""

    def touch(self, now: datetime) -> None:
        """Record a change that is no step."""
        self.updated_at = now
        self.version += 1

    def endorse(self, *, premium: Decimal, changes: Mapping[str, Any], now: datetime) -> None:
        """Change what is insured from today on; `premium` is the new total in roubles. Raises WrongTransition."""
        if self.status != _S.ACTIVE:
            raise WrongTransition(self.status, [])
        for name, value in changes.items():
            setattr(self, name, value)
        self.premium, self.updated_at = premium, now
        self.version += 1

    def cancel(self, *, refund: Decimal, reason: str, now: datetime, ended_at: datetime | None = None) -> None:
        """End the policy early and owe `refund` roubles of the premium. Raises WrongTransition."""
        self._move(_S.CANCELLED, now)
        self.cancelled_at, self.cancel_reason, self.refund_amount = ended_at or now, reason, refund

    def expire(self, now: datetime) -> None:
        """End the policy with its term. Raises WrongTransition."""
        self._move(_S.EXPIRED, now)

    def covers(self, moment: datetime, day: date) -> bool:
        """Tell whether the policy was in force at a moment, which fell on `day` at the dealership."""
        if self.activated_at is None or not self.activated_at <= moment or day < self.start_date:
            return False
        if any(part.uncovers(moment) for part in self.instalments.all()):
            return False
        return day <= self.end_date and (self.cancelled_at is None or moment < self.cancelled_at)


class Endorsement(models.Model):
    """A change of a policy from a day on, and what it cost or gave back, roubles; `number` counts from 1.

    One with `evidence` puts right what was told wrong from the first day: its difference is that of the whole term, and
    once it is in force the policy is confirmed.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="endorsements", verbose_name=_("policy"))
    number = models.PositiveSmallIntegerField(_("number"))
    effective_date = models.DateField(_("from"))
    changes = models.JSONField(_("changes"))
    request = models.JSONField(_("request"))
    tariff_revision = models.PositiveIntegerField(_("tariff revision"))
    annual_premium = amount_field(_("premium of the whole term"))
    premium_difference = amount_field(_("to pay"))
    taken_off = amount_field(_("taken off instalments to come"), default=ZERO, db_default=ZERO)
    evidence = models.CharField(_("evidence"), max_length=1000, blank=True, default="", db_default="")
    money_id = models.UUIDField(_("payment asked for"), null=True)
    applied_at = models.DateTimeField(_("in force since"), null=True)
    created_by = models.UUIDField(_("made by"))
    created_at = models.DateTimeField(_("created at"))
    only_added: ClassVar = OnlyAdded(
        words=("changes", "request", "evidence"),
        steps={"money_id": None, "applied_at": None},
        lapses=(Lapse("created_at", 0, without="applied_at"),),
    )

    class Meta:
        verbose_name = _("endorsement")
        verbose_name_plural = _("endorsements")
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["policy", "number"], name="endorsements_are_numbered"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at", "id"], name="endorsement_by_created_at"),
            models.Index(fields=["created_by", "created_at", "id"], name="endorsement_by_maker"),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.number}"

    @property
    def to_pay(self) -> Decimal:
        """Return what is paid before it counts, roubles."""
        difference: Decimal = self.premium_difference
        return max(difference, ZERO)

    @property
    def to_return(self) -> Decimal:
        """Return what comes back of money paid, roubles."""
        less: Decimal = max(-self.premium_difference, ZERO) - self.taken_off
        return less


class PolicyCounter(models.Model):
    """The last policy number given out in a year."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last_number = models.PositiveIntegerField()
