"""Quotes: a premium and everything it was calculated from, never changed afterwards."""

from datetime import date, timedelta
from decimal import Decimal
from typing import ClassVar

import msgspec
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.money import DEFAULT_CURRENCY
from core.money.wording import money_text
from insurance.models.fields import amount_field, type_field
from insurance.rules.pricing import QuoteRequest
from insurance.rules.rating import Part, first_part, split_premium
from insurance.rules.tariffs import DEFAULT_INSURER

VALID_FOR = timedelta(days=30)


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """Promises of one variant of a quote: roubles."""

    request: QuoteRequest
    premium: Decimal
    coverage_amount: Decimal
    insured_value: Decimal
    deductible: Decimal
    insurer: str
    insurer_name: str = ""

    @property
    def due_now(self) -> Decimal:
        """Return what is paid to put it in force: the premium, or the first of its instalments."""
        return first_part(self.premium, self.request.instalments)

    def payments(self, start: date) -> tuple[Part, ...]:
        """Return how the premium is paid when the cover begins on `start`."""
        return split_premium(self.premium, self.request.instalments, start, self.request.term_months)


class Quote(models.Model):
    """An immutable snapshot: the request, the rating day, the tariff's revision, each factor, the premium in roubles.

    `variants` are other ways to insure the same car, each a whole snapshot of its own. `unconfirmed` names what the
    client alone says and the premium depends on: until somebody confirms it, it is provisional.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer_id = models.UUIDField(_("customer"))
    order_id = models.UUIDField(_("order"), null=True)
    insurance_type = type_field()
    request = models.JSONField(_("request"))
    breakdown = models.JSONField(_("breakdown"))
    tariff = models.CharField(_("tariff"), max_length=60)
    tariff_revision = models.PositiveIntegerField(_("tariff revision"), default=0, db_default=0)
    insurer = models.CharField(_("insurer"), max_length=30, default=DEFAULT_INSURER, db_default=DEFAULT_INSURER)
    insurer_name = models.CharField(_("name of the insurer"), max_length=100, blank=True, default="", db_default="")
    variants = models.JSONField(_("variants"), default=list, db_default=models.Value([], models.JSONField()))
    rated_on = models.DateField(_("rated on"))
    premium = amount_field(_("premium"))
    unrounded = models.CharField(_("unrounded product"), max_length=60)
    coverage_amount = amount_field(_("sum insured"))
    insured_value = amount_field(_("insured value"))
    deductible = amount_field(_("deductible"))
    currency = models.CharField(_("currency"), max_length=3, default=DEFAULT_CURRENCY)
    unconfirmed = models.JSONField(
        _("told and not confirmed"), default=list, db_default=models.Value([], models.JSONField())
    )
    valid_until = models.DateField(_("valid until"))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("quote")
        verbose_name_plural = _("quotes")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(premium__gt=0, coverage_amount__gt=0, insured_value__gte=models.F("coverage_amount"))
                & Q(deductible__gte=0, deductible__lt=models.F("coverage_amount")),
                name="quote_amounts_sane",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "-created_at", "-id"], name="quote_of_customer"),
            models.Index(fields=["-created_at", "-id"], name="quote_newest"),
            models.Index(fields=["order_id"], condition=Q(order_id__isnull=False), name="quote_of_order"),
        ]

    def __str__(self) -> str:
        return f"{self.get_insurance_type_display()} {money_text(self.premium, self.currency)}"

    @property
    def asked(self) -> QuoteRequest:
        """The request as it was rated."""
        return msgspec.convert(self.request, QuoteRequest, strict=False)

    def offer(self, variant: int) -> "Offer":
        """The main offer (0), or a variant counted from 1. Raises LookupError."""
        if variant == 0:
            return Offer(
                request=self.asked,
                premium=self.premium,
                coverage_amount=self.coverage_amount,
                insured_value=self.insured_value,
                deductible=self.deductible,
                insurer=self.insurer,
                insurer_name=self.insurer_name,
            )
        if not 0 < variant <= len(self.variants):
            raise LookupError(variant)
        return msgspec.convert(self.variants[variant - 1], Offer, strict=False)

    def status_on(self, day: date) -> str:
        """`purchased`, `expired` or `quoted`."""
        if hasattr(self, "policy") and self.policy.status != "not_taken_up":
            return "purchased"
        return "expired" if day > self.valid_until else "quoted"
