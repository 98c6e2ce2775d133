"""Applications: what a client asked for, what was decided and why, and the offer that came of it."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from core.money import DEFAULT_CURRENCY
from core.money.wording import money_text
from financing.errors import HeldByOrder, OfferExpired
from financing.models.fields import amount_field, percent_field, psk_field, rules_field
from financing.models.programmes import Programme, ScheduleType
from financing.models.work_calendar import WorkCalendarYear
from financing.rules.bank_rules import BankRules, read_rules
from financing.rules.calculations import LoanTerms, ScheduleKind, premium_fees
from financing.rules.kinds import FinancingType

if TYPE_CHECKING:
    from financing.models.offers import BankOffer

OFFER_STANDS = timedelta(days=30)


class ApplicationStatus(models.TextChoices):
    """State of an application."""

    SUBMITTED = "submitted", _("submitted")
    SCORING = "scoring", _("being scored")
    APPROVED = "approved", _("approved")
    UNDER_REVIEW = "under_review", _("under review")
    REJECTED = "rejected", _("rejected")
    ACCEPTED = "accepted", _("accepted")
    DISBURSED = "disbursed", _("paid out")
    WITHDRAWN = "withdrawn", _("withdrawn")
    EXPIRED = "expired", _("expired")


_S = ApplicationStatus
TRANSITIONS: dict[str, tuple[str, ...]] = {
    _S.SUBMITTED: (_S.SCORING, _S.WITHDRAWN),
    _S.SCORING: (_S.APPROVED, _S.UNDER_REVIEW, _S.REJECTED, _S.WITHDRAWN),
    _S.UNDER_REVIEW: (_S.APPROVED, _S.REJECTED, _S.WITHDRAWN),
    _S.APPROVED: (_S.ACCEPTED, _S.WITHDRAWN, _S.EXPIRED),
    _S.ACCEPTED: (_S.DISBURSED, _S.WITHDRAWN, _S.EXPIRED),
}
"""Every step an application may take; a status that is not a key is final."""

OPEN = frozenset(TRANSITIONS)
_OFFERED = (_S.APPROVED, _S.ACCEPTED, _S.DISBURSED)


class Application(models.Model):
    """A request for a loan; `decision` keeps the programme's version, its thresholds and the verdict of every rule.

    Money is in roubles, `annual_rate` and `psk` in per cent a year. The offer's fields are empty until approval.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order_id = models.UUIDField(_("order"))
    customer_id = models.UUIDField(_("customer"))
    attempt_id = models.UUIDField(_("checkout attempt"), null=True, unique=True)
    is_auto_accepted = models.BooleanField(_("accepted beforehand"), default=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, verbose_name=_("programme"))
    financing_type = models.CharField(_("kind"), max_length=15, choices=FinancingType)
    vehicle_price = amount_field(_("price"))
    down_payment = amount_field(_("down payment"))
    financed_premium = amount_field(_("premiums lent"), default=Decimal(0), db_default=Decimal(0))
    psk_premium = amount_field(_("premiums lent that the full cost counts"), default=Decimal(0), db_default=Decimal(0))
    term_months = models.PositiveSmallIntegerField(_("term, months"))
    employment_status = models.CharField(_("employment"), max_length=15)
    monthly_income = amount_field(_("monthly income"))
    monthly_obligations = amount_field(_("monthly obligations"), default=Decimal(0))
    birth_date = models.DateField(_("birth date"), null=True)
    vehicle_year = models.PositiveSmallIntegerField(_("year of the car"), null=True)
    status = models.CharField(_("status"), max_length=15, choices=ApplicationStatus, default=_S.SUBMITTED)
    decision = models.JSONField(_("decision"), default=dict)
    reasons = models.JSONField(_("reasons"), default=list)
    note = models.TextField(_("note"), blank=True, default="")
    decided_by = models.UUIDField(_("decided by"), null=True)
    decided_at = models.DateTimeField(_("decided at"), null=True)
    approved_amount = amount_field(_("approved amount"), null=True)
    financed_fee = amount_field(_("fees added to the loan"), default=Decimal(0), db_default=Decimal(0))
    annual_rate = percent_field(_("rate, % a year"), null=True)
    schedule = models.CharField(_("schedule"), max_length=15, choices=ScheduleType)
    bank_rules = rules_field()
    balloon = amount_field(_("residual payment"), default=Decimal(0))
    monthly_payment = amount_field(_("monthly payment"), null=True)
    psk = psk_field(_("full cost of credit, % a year"), null=True)
    currency = models.CharField(_("currency"), max_length=3, default=DEFAULT_CURRENCY)
    expires_at = models.DateTimeField(_("offer expires at"), null=True)
    debt_load_percent = models.DecimalField(_("debt load with the loan, %"), max_digits=12, decimal_places=2, null=True)
    counted_in = models.DateField(_("first day of the quarter it counts in"), null=True)
    version = models.PositiveIntegerField(_("version"), default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("application")
        verbose_name_plural = _("applications")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(vehicle_price__gt=0, down_payment__gte=0, down_payment__lt=F("vehicle_price")),
                name="application_amounts_sane",
            ),
            models.CheckConstraint(condition=Q(term_months__gte=1, term_months__lte=360), name="application_term_sane"),
            models.CheckConstraint(
                condition=Q(monthly_income__gte=0, monthly_obligations__gte=0), name="application_income_sane"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=_OFFERED)
                | Q(approved_amount__gt=0, annual_rate__gte=0, monthly_payment__gt=0)
                & Q(approved_amount__isnull=False, annual_rate__isnull=False, monthly_payment__isnull=False)
                & Q(psk__isnull=False, expires_at__isnull=False, decided_at__isnull=False),
                name="application_offer_complete",
            ),
            models.CheckConstraint(
                condition=Q(approved_amount__isnull=True)
                | Q(
                    approved_amount__lte=F("vehicle_price") - F("down_payment") + F("financed_premium"),
                    balloon__lte=F("approved_amount"),
                ),
                name="application_offer_within_asked",
            ),
            models.CheckConstraint(
                condition=Q(psk_premium__gte=0, financed_premium__gte=F("psk_premium")),
                name="application_premiums_sane",
            ),
            models.UniqueConstraint(
                fields=["order_id"], condition=Q(status__in=[_S.ACCEPTED, _S.DISBURSED]), name="one_loan_per_order"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "-created_at", "-id"], name="application_of_customer"),
            models.Index(fields=["-created_at", "-id"], name="application_newest"),
            models.Index(fields=["status", "-created_at", "-id"], name="application_by_status"),
            models.Index(fields=["order_id"], name="application_of_order"),
            models.Index(
                fields=["counted_in", "programme"], condition=Q(counted_in__isnull=False), name="application_by_quarter"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_financing_type_display()} {money_text(self.requested_amount, self.currency)}"

    @property
    def requested_amount(self) -> Decimal:
        """Price less down payment, with the premiums that are lent, roubles."""
        requested: Decimal = self.vehicle_price - self.down_payment + self.financed_premium
        return requested

    @property
    def rules(self) -> BankRules:
        """The bank's conventions that it was decided by."""
        return read_rules(self.bank_rules)

    @property
    def paid_out(self) -> Decimal | None:
        """Return what the loan brings the order, roubles: approved less the fees kept from it; None until approval."""
        amount: Decimal | None = self.approved_amount
        return None if amount is None else amount - self.rules.withheld_fee(amount)

    def is_within_asked(self, amount: Decimal) -> bool:
        """Tell whether `amount` roubles may be lent: not above what was asked for, and something for the car."""
        paid_out = amount - self.rules.withheld_fee(amount)
        return bool(self.financed_premium < paid_out and amount <= self.requested_amount)

    def own_part(self, amount: Decimal) -> Decimal:
        """Return what the client pays by themselves when a loan brings the order `amount`, roubles."""
        part: Decimal = self.vehicle_price + self.financed_premium - amount
        return part

    @property
    def asked_rate(self) -> Decimal:
        """Rate in per cent a year of the terms that were decided on."""
        return Decimal(self.decision["annual_rate"])

    @property
    def asked_term(self) -> int:
        """Months the client asked for, whatever offer was taken over since."""
        return int(self.decision.get("facts", {}).get("term_months", self.term_months))

    @property
    def is_open(self) -> bool:
        """Tell whether the application can still go anywhere."""
        return self.status in OPEN

    @property
    def is_held_by_order(self) -> bool:
        """Tell whether a checkout counts on this offer: then only the checkout ends it."""
        return self.attempt_id is not None and self.status == _S.ACCEPTED

    def terms(self, amount: Decimal, annual_rate: Decimal, day: date) -> LoanTerms:
        """Terms of a loan of this amount and rate paid out on a day, by the bank's rules it was decided by.

        Premiums that are lent are its fees; what the law demands of a driver (OSAGO) stands outside ПСК. The bank's
        own financed fees come on top of the amount.
        """
        rules = self.rules.terms(day, amount, self.term_months, WorkCalendarYear.read)
        return LoanTerms(
            vehicle_price=self.vehicle_price,
            down_payment=self.own_part(amount),
            term_months=self.term_months,
            annual_rate=annual_rate,
            schedule=ScheduleKind(self.schedule),
            balloon=self.balloon,
            **rules | {"fees": [*premium_fees(self.financed_premium, self.psk_premium), *rules["fees"]]},
        )

    def move(self, target: str, now: datetime) -> None:
        """Step to `target`. Raises WrongTransition."""
        allowed = TRANSITIONS.get(self.status, ())
        if target not in allowed:
            raise WrongTransition(self.status, list(allowed))
        self.status, self.updated_at = target, now
        self.version += 1

    def approve(self, offer: "BankOffer", *, decided_by: UUID | None, now: datetime) -> None:
        """Make an offer the application's; it stands until its own time. Raises WrongTransition."""
        self.move(_S.APPROVED, now)
        self.decided_by, self.decided_at = decided_by, now
        self.adopt(offer)

    def adopt(self, offer: "BankOffer") -> None:
        """Take over a bank's terms: those the loan will have."""
        assert offer.term_months is not None
        self.programme, self.schedule = offer.programme, offer.schedule
        self.bank_rules = offer.bank_rules
        self.approved_amount, self.annual_rate = offer.amount, offer.annual_rate
        self.financed_fee = self.rules.financed_fee(offer.amount)
        self.term_months, self.balloon = offer.term_months, offer.balloon
        self.monthly_payment, self.psk = offer.monthly_payment, offer.psk
        self.expires_at = offer.expires_at

    def reopen(self, now: datetime) -> None:
        """Take a refusal back, to decide otherwise in the same transaction. Raises WrongTransition."""
        if self.status != _S.REJECTED:
            raise WrongTransition(self.status, [])
        self.status, self.note, self.updated_at = _S.UNDER_REVIEW, "", now
        self.version += 1

    def reject(self, reasons: list[str], *, note: str, decided_by: UUID | None, now: datetime) -> None:
        """Refuse, with the codes of the rules that failed. Raises WrongTransition."""
        self.move(_S.REJECTED, now)
        self.reasons, self.note = reasons, note
        self.decided_by, self.decided_at = decided_by, now

    def accept(self, now: datetime) -> None:
        """Take the offer as it stands. Raises WrongTransition, OfferExpired."""
        if self.status == _S.APPROVED and (self.expires_at is None or self.expires_at <= now):
            raise OfferExpired
        self.move(_S.ACCEPTED, now)

    def withdraw_by_client(self, now: datetime) -> None:
        """Give up the application. Raises WrongTransition, or HeldByOrder when a checkout counts on it."""
        if self.is_held_by_order:
            raise HeldByOrder
        self.move(_S.WITHDRAWN, now)

    @property
    def is_standing(self) -> bool:
        """Tell whether this is an offer that the clock may end; a checkout that counts on one has its own deadlines."""
        return self.status in (_S.APPROVED, _S.ACCEPTED) and not self.is_held_by_order
