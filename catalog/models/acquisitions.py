"""Vehicles that became ours: by which way, by which order, at what cost."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models.products import Product, Stage
from core.ids import uuid7

TO_COMPLETE = Q(acquisitions__isnull=False, is_active=False, stage=Stage.IN_PREPARATION) & (
    Q(vin="") & ~Q(attributes__has_key="number") | Q(make="") | Q(model="") | Q(year=None) | Q(mileage=None)
)
"""Vehicles taken in that nobody can offer yet: `Product.missing` says what is not known of them."""


class Source(models.TextChoices):
    """Way by which a vehicle became ours."""

    TRADE_IN = "trade_in", _("trade-in")


class Acquisition(models.Model):
    """A vehicle became ours at `cost`, the value that was given for it; from `ended_at` on it is its owner's again."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="acquisitions"
    )
    source = models.CharField(_("source"), max_length=10, choices=Source)
    order_id = models.UUIDField(_("order"), unique=True)
    number = models.CharField(_("number of the order"), max_length=20)
    cost = models.DecimalField(_("cost"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    acquired_at = models.DateTimeField(_("ours since"))
    ended_at = models.DateTimeField(_("given back at"), null=True)

    class Meta:
        verbose_name = _("acquisition")
        verbose_name_plural = _("acquisitions")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(cost__gt=0), name="acquisition_costs"),
            models.CheckConstraint(condition=Q(source__in=Source.values), name="acquisition_source_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_source_display()} {self.number}"
