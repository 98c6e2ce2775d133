"""Offers: what each bank was asked for an application, and what it answered, side by side."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from financing.models.fields import amount_field, percent_field, psk_field, rules_field
from financing.models.programmes import Programme, ScheduleType
from financing.rules.bank_rules import BankRules, read_rules


class OfferStatus(models.TextChoices):
    """State of a bank's answer. `let_go`: the client chose another, or the application ended."""

    ASKED = "asked", _("the bank decides")
    OFFERED = "offered", _("offered")
    REFUSED = "refused", _("refused")
    UNREACHED = "unreached", _("no answer in time")
    TAKEN = "taken", _("taken")
    LET_GO = "let_go", _("let go")


class NoticeState(models.TextChoices):
    """State of the notice that tells the bank what became of its offer."""

    NONE = "", _("nothing to tell")
    WAITING = "waiting", _("is being told")
    TOLD = "told", _("told")
    FAILED = "failed", _("could not be told")


class BankOffer(models.Model):
    """One bank's terms for an application: roubles, per cent a year; `connection` is empty for our own decision.

    A bank is asked once for an application, and its first answer is its answer. `asked_rate` is the rate it was asked
    for; the terms are empty until it offers.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey("Application", on_delete=models.CASCADE, related_name="offers")
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, verbose_name=_("programme"))
    connection = models.CharField(_("connection"), max_length=30, blank=True, default="")
    status = models.CharField(_("status"), max_length=10, choices=OfferStatus, default=OfferStatus.ASKED)
    asked_rate = percent_field(_("rate asked for, % a year"))
    amount = amount_field(_("amount"), null=True)
    annual_rate = percent_field(_("rate, % a year"), null=True)
    term_months = models.PositiveSmallIntegerField(_("term, months"), null=True)
    schedule = models.CharField(_("schedule"), max_length=15, choices=ScheduleType)
    balloon = amount_field(_("residual payment"), null=True)
    monthly_payment = amount_field(_("monthly payment"), null=True)
    psk = psk_field(_("full cost of credit, % a year"), null=True)
    is_as_asked = models.BooleanField(_("equal to the request"), default=False)
    reference = models.CharField(_("number at the bank"), max_length=60, blank=True, default="")
    code = models.CharField(_("code of the refusal"), max_length=40, blank=True, default="")
    detail = models.TextField(_("reason of the refusal"), blank=True, default="")
    bank_rules = rules_field()
    expires_at = models.DateTimeField(_("expires at"), null=True)
    asked_at = models.DateTimeField(_("asked at"))
    answered_at = models.DateTimeField(_("answered at"), null=True)
    notice = models.CharField(
        _("notice to the bank"), max_length=10, choices=NoticeState, blank=True, default="", db_default=""
    )
    told_at = models.DateTimeField(_("bank told at"), null=True)

    class Meta:
        verbose_name = _("bank's offer")
        verbose_name_plural = _("banks' offers")
        ordering: ClassVar = ["psk", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["application", "connection"], name="bank_asked_once"),
            models.UniqueConstraint(
                fields=["application"], condition=Q(status=OfferStatus.TAKEN), name="one_offer_taken"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[OfferStatus.OFFERED, OfferStatus.TAKEN])
                | Q(amount__gt=0, annual_rate__gte=0, term_months__gte=1, monthly_payment__gt=0, balloon__gte=0)
                & Q(amount__isnull=False, annual_rate__isnull=False, term_months__isnull=False)
                & Q(monthly_payment__isnull=False, balloon__isnull=False)
                & Q(psk__isnull=False, expires_at__isnull=False, answered_at__isnull=False),
                name="bank_offer_complete",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["asked_at"], condition=Q(status=OfferStatus.ASKED), name="bank_offer_asked")
        ]

    @property
    def rules(self) -> BankRules:
        """The bank's conventions as they were offered."""
        return read_rules(self.bank_rules)

    @property
    def paid_out(self) -> Decimal | None:
        """Return what it brings the order, roubles: the amount less the fees kept from it; None until it offers."""
        amount: Decimal | None = self.amount
        return None if amount is None else amount - self.rules.withheld_fee(amount)

    def __str__(self) -> str:
        return f"{self.connection or '-'}: {self.get_status_display()}"
