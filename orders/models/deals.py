"""A whole deal's calculation: car, accessories, trade-in, loan and insurance, kept with everything it came from."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.money import DEFAULT_CURRENCY

NAMELESS = Q(customer_id=None, order_id=None)
"""Calculations that nobody signed in for, and nobody ordered: after a while they are deleted."""


class DealQuote(models.Model):
    """An immutable snapshot: prices, the loan's terms and programme's version, premiums and their tariffs' revision.

    Roubles; `monthly_payment` and `psk` are null without a loan. `psk` is in per cent a year. `order_id`: the first
    order that was placed from it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer_id = models.UUIDField(_("customer"), null=True)
    order_id = models.UUIDField(_("order"), null=True)
    coupon = models.CharField(_("coupon"), max_length=40, blank=True, default="", db_default="")
    lines = models.JSONField(_("lines"))
    trade_in_amount = models.DecimalField(_("trade-in"), max_digits=14, decimal_places=2)
    insurance = models.JSONField(_("insurance"))
    loan_terms = models.JSONField(_("loan"), null=True)
    total_amount = models.DecimalField(_("total"), max_digits=14, decimal_places=2)
    due_now = models.DecimalField(_("due now"), max_digits=14, decimal_places=2)
    monthly_payment = models.DecimalField(_("a month"), max_digits=14, decimal_places=2, null=True)
    psk = models.DecimalField(_("full cost of credit, %"), max_digits=9, decimal_places=3, null=True)
    result = models.JSONField(_("result"))
    rated_on = models.DateField(_("rated on"))
    currency = models.CharField(_("currency"), max_length=3, default=DEFAULT_CURRENCY)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        app_label = "orders"
        verbose_name = _("deal quote")
        verbose_name_plural = _("deal quotes")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(total_amount__gt=0, due_now__gte=0, trade_in_amount__gte=0), name="deal_amounts_sane"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="deal_quote_newest"),
            models.Index(fields=["order_id"], condition=~Q(order_id=None), name="deal_quote_by_order"),
            models.Index(fields=["created_at"], condition=NAMELESS, name="deal_quote_nameless"),
        ]

    def __str__(self) -> str:
        return f"{self.total_amount} {self.currency}"
