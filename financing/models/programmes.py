"""Programmes of banks: dated terms and thresholds that every decision names by version."""

from dataclasses import fields
from decimal import Decimal
from typing import Any, ClassVar

from django.core.validators import validate_slug
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.money import DEFAULT_CURRENCY, money
from financing.models.fields import amount_field, legal_order, percent_field
from financing.rules.bank_rules import LEAST_FIRST_PERIOD, BankRules, read_rules
from financing.rules.calculations.rounding import KOPECK
from financing.rules.decisions import Rules
from financing.rules.kinds import FinancingType

RESIDUAL_LIMITS = ["50", "45", "40", "35", "30"]
"""Per cent of the value, by the car's years of age at the last payment."""
COOLING_OFF_DAYS = 14
"""353-FZ art. 11 part 3; a targeted loan has thirty: the programme says so."""


def residual_table() -> list[str]:
    """The usual table of residual payments, as a row holds it."""
    return list(RESIDUAL_LIMITS)


class ScheduleType(models.TextChoices):
    """Way of repaying the debt."""

    ANNUITY = "annuity", _("level payments")
    DIFFERENTIATED = "differentiated", _("equal parts of the principal")
    BALLOON = "balloon", _("with a residual payment")


class LoanDays(models.TextChoices):
    """Count of days that interest runs by."""

    THIRTY_360 = "30/360", _("a month is a twelfth of the year")
    ACTUAL_365 = "actual/365", _("days, 365 to the year")
    ACTUAL_360 = "actual/360", _("days, 360 to the year")
    ACTUAL_ACTUAL = "actual/actual", _("days of each calendar year")
    ACTUAL_ACTUAL_ISDA = "actual/actual-isda", _("days of each calendar year, the first day counted")


class DueShift(models.TextChoices):
    """Rule for a payment due on a day off."""

    NONE = "none", _("stays")
    FOLLOWING = "following", _("the next working day")
    PRECEDING = "preceding", _("the working day before")
    MODIFIED_FOLLOWING = "modified_following", _("the next working day of the same month, else the one before")


class MonthEndRule(models.TextChoices):
    """Rule for a due day that a month does not have."""

    CLAMP = "clamp", _("the last of the month")
    ROLL = "roll", _("the first of the next month")


class FirstPeriodRule(models.TextChoices):
    """Rule for a first period longer than a month."""

    LEVEL = "level", _("a payment like the others")
    INTEREST_ONLY = "interest_only", _("interest only")


class RoundingRule(models.TextChoices):
    """Direction of a rounding."""

    HALF_UP = "half_up", _("half up")
    HALF_EVEN = "half_even", _("half to even")
    UP = "up", _("up")
    DOWN = "down", _("down")


class PayoffInterest(models.TextChoices):
    """Rule for the interest that closes a loan."""

    TO_THE_DAY = "to_the_day", _("for the days of use")
    WHOLE_PERIOD = "whole_period", _("for the whole period that has begun")


def chosen_field(name: Any, choices: type[models.TextChoices], default: str) -> Any:
    """Name a rule; rows of an older release have the default."""
    return models.CharField(name, max_length=20, choices=choices, default=default, db_default=default)


class Programme(models.Model):
    """One bank's offer to lend: rates in per cent a year, money in roubles, ages in completed years.

    Every threshold of the decision stands here; `version` grows with each change and is stored with each decision.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    bank = models.CharField(_("bank"), max_length=120)
    name = models.CharField(_("name"), max_length=160)
    connection = models.CharField(
        _("the bank's code at its API"), max_length=30, blank=True, default="", db_default="",
        help_text=_("Empty: our own decision is the bank's."), validators=[validate_slug],
    )  # fmt: skip
    financing_type = models.CharField(_("kind"), max_length=15, choices=FinancingType)
    schedule = models.CharField(_("schedule"), max_length=15, choices=ScheduleType, default=ScheduleType.ANNUITY)
    base_rate = percent_field(_("rate, % a year"))
    # xgettext:no-python-format, since the sign means per cent
    residual_percent = percent_field(_("residual payment, % of the price"), default=Decimal(0))
    min_down_payment_percent = percent_field(_("least down payment, %"), default=Decimal(10))
    # xgettext:no-python-format, since the sign means per cent
    max_ltv_percent = percent_field(_("most lent, % of the value"), default=Decimal(90))
    min_down_payment_used_percent = percent_field(
        _("least down payment for a used car, %"), null=True, blank=True, default=Decimal(20)
    )
    max_ltv_used_percent = percent_field(
        # xgettext:no-python-format, since the sign means per cent
        _("most lent for a used car, % of the value"),
        null=True,
        blank=True,
        default=Decimal(80),
    )
    max_ltv_insured_percent = percent_field(
        # xgettext:no-python-format, since the sign means per cent
        _("most lent with the premiums it pays, % of the value"),
        default=Decimal(100),
        db_default=Decimal(100),
    )
    min_amount = amount_field(_("least amount"))
    max_amount = amount_field(_("greatest amount"))
    min_term_months = models.PositiveSmallIntegerField(_("shortest term, months"), default=3)
    max_term_months = models.PositiveSmallIntegerField(_("longest term, months"), default=96)
    min_age = models.PositiveSmallIntegerField(_("least age"), default=21)
    max_age_at_end = models.PositiveSmallIntegerField(_("greatest age at the last payment"), default=70)
    is_birth_date_required = models.BooleanField(_("birth date required"), default=False)
    max_vehicle_age = models.PositiveSmallIntegerField(_("greatest age of the car at the last payment"), default=15)
    review_irregular_income_above = amount_field(_("review incomes other than wages above"), default=Decimal(1_000_000))
    living_minimum = amount_field(_("living minimum a month"), default=Decimal(18_000))
    approve_dti_percent = percent_field(_("debt load approved up to, %"), default=Decimal(50))
    review_dti_percent = percent_field(_("debt load reviewed up to, %"), default=Decimal(80))
    max_psk_percent = percent_field(
        _("the bank's own ceiling of the full cost, % a year"), null=True, blank=True,
        help_text=_("Counts where it is below the ceiling of the law, which stands among the limits of lending."),
    )  # fmt: skip
    penalty_daily_percent = percent_field(
        _("penalty, % a day of what is overdue"), default=Decimal("0.1"), db_default=Decimal("0.1")
    )
    is_interest_on_overdue = models.BooleanField(
        _("interest runs on overdue principal"), default=False, db_default=False
    )
    allocation_order = models.JSONField(
        _("what money is spent on, in order"),
        default=legal_order,
        db_default=models.Value(legal_order(), models.JSONField()),
    )
    residual_limits = models.JSONField(
        _("greatest residual payment by years of age at the end, %"), default=residual_table, blank=True,
        db_default=models.Value(RESIDUAL_LIMITS, models.JSONField()),
    )  # fmt: skip
    required_documents = models.JSONField(
        _("papers wanted before an offer is accepted"),
        default=list,
        blank=True,
        db_default=models.Value([], models.JSONField()),
    )
    cooling_off_days = models.PositiveSmallIntegerField(
        _("days in which a loan may be returned as if never taken"),
        default=COOLING_OFF_DAYS,
        db_default=COOLING_OFF_DAYS,
    )
    day_count = chosen_field(_("interest is counted by"), LoanDays, LoanDays.THIRTY_360)
    due_shift = chosen_field(_("a payment due on a day off"), DueShift, DueShift.NONE)
    month_end = chosen_field(_("a due day that the month lacks"), MonthEndRule, MonthEndRule.CLAMP)
    payment_day = models.PositiveSmallIntegerField(
        _("day of the month of the payments"), null=True, blank=True, help_text=_("Empty: the day of the payout.")
    )
    min_first_period_days = models.PositiveSmallIntegerField(
        _("least days from the payout to the first payment"), default=LEAST_FIRST_PERIOD, db_default=LEAST_FIRST_PERIOD
    )
    first_period = chosen_field(_("a first period longer than a month"), FirstPeriodRule, FirstPeriodRule.LEVEL)
    payment_unit = amount_field(_("payments are rounded to, roubles"), default=KOPECK, db_default=KOPECK)
    payment_rounding = chosen_field(_("rounding of payments"), RoundingRule, RoundingRule.HALF_UP)
    interest_rounding = chosen_field(_("rounding of interest"), RoundingRule, RoundingRule.HALF_UP)
    payoff_rule = chosen_field(_("interest that closes a loan"), PayoffInterest, PayoffInterest.TO_THE_DAY)
    fees = models.JSONField(
        _("fees and insurance"), default=list, blank=True, db_default=models.Value([], models.JSONField()),
        help_text=_("A list of {name, kind, when, amount or percent, in_psk, paid}."),
    )  # fmt: skip
    currency = models.CharField(_("currency"), max_length=3, default=DEFAULT_CURRENCY)
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"), null=True, blank=True)
    version = models.PositiveIntegerField(_("version"), default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("programme")
        verbose_name_plural = _("programmes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bank", "name", "valid_from"], name="programme_once_per_bank"),
            models.CheckConstraint(condition=Q(base_rate__gte=0, base_rate__lte=1000), name="programme_rate_sane"),
            models.CheckConstraint(
                condition=Q(min_amount__gt=0, max_amount__gte=F("min_amount")), name="programme_amounts_in_order"
            ),
            models.CheckConstraint(
                condition=Q(
                    min_term_months__gte=1, max_term_months__gte=F("min_term_months"), max_term_months__lte=360
                ),
                name="programme_terms_in_order",
            ),
            models.CheckConstraint(
                condition=Q(min_down_payment_percent__gte=0, min_down_payment_percent__lt=100)
                & Q(max_ltv_percent__gt=0, residual_percent__gte=0, residual_percent__lt=100),
                name="programme_shares_sane",
            ),
            models.CheckConstraint(
                condition=Q(min_down_payment_used_percent__gte=0, min_down_payment_used_percent__lt=100)
                | Q(min_down_payment_used_percent__isnull=True),
                name="programme_used_down_payment_sane",
            ),
            models.CheckConstraint(
                condition=Q(max_ltv_insured_percent__gt=0)
                & (Q(max_ltv_used_percent__gt=0) | Q(max_ltv_used_percent__isnull=True)),
                name="programme_used_shares_sane",
            ),
            models.CheckConstraint(
                condition=Q(approve_dti_percent__gte=0, review_dti_percent__gte=F("approve_dti_percent")),
                name="programme_debt_tiers_in_order",
            ),
            models.CheckConstraint(
                condition=Q(penalty_daily_percent__gte=0, penalty_daily_percent__lte=1), name="programme_penalty_sane"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")), name="programme_dates_in_order"
            ),
            models.CheckConstraint(
                condition=Q(residual_percent=0) | Q(schedule="balloon"), name="programme_residual_is_balloon"
            ),
            models.CheckConstraint(condition=Q(cooling_off_days__lte=365), name="programme_cooling_off_sane"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["bank", "id"], name="programme_by_bank"),
            models.Index(fields=["base_rate", "id"], name="programme_by_rate"),
            models.Index(fields=["-created_at", "-id"], name="programme_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.bank}: {self.name}"

    @property
    def rules(self) -> Rules:
        """The programme's own thresholds; those of the quarter are not in it."""
        own = (field.name for field in fields(Rules) if hasattr(self, field.name))
        return Rules(**{name: getattr(self, name) for name in own})

    @property
    def bank_rules(self) -> BankRules:
        """The bank's conventions as they are now. Raises msgspec.ValidationError for a rule that nobody knows."""
        names = (name for name in BankRules.__struct_fields__ if name != "programme_version")
        return read_rules({name: getattr(self, name) for name in names} | {"programme_version": self.version})

    @property
    def is_connected(self) -> bool:
        """Tell whether the bank decides by itself, over its API."""
        return self.connection != ""

    def rate_for(self, term_months: int) -> Decimal:
        """Rate in per cent a year for a term: of the last row that begins at or before it, else the base rate."""
        rows = sorted(self.rates.all(), key=lambda row: row.from_months)
        longest = [row for row in rows if row.from_months <= term_months]
        rate: Decimal = longest[-1].annual_rate if longest else self.base_rate
        return rate

    def balloon_for(self, price: Decimal) -> Decimal:
        """Residual payment in roubles for a car of this price."""
        return money(price * self.residual_percent / 100)


class ProgrammeRate(models.Model):
    """The rate of a programme for terms of `from_months` and longer, in per cent a year."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    programme = models.ForeignKey(Programme, on_delete=models.CASCADE, related_name="rates")
    from_months = models.PositiveSmallIntegerField(_("from, months"))
    annual_rate = percent_field(_("rate, % a year"))

    class Meta:
        verbose_name = _("rate by term")
        verbose_name_plural = _("rates by term")
        ordering: ClassVar = ["from_months"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["programme", "from_months"], name="programme_rate_once_per_term"),
            models.CheckConstraint(condition=Q(annual_rate__gte=0, annual_rate__lte=1000), name="term_rate_sane"),
        ]

    def __str__(self) -> str:
        return f"{self.from_months}+: {self.annual_rate} %"
