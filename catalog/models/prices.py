"""Store the history of prices, and the prices to come."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models.products import Product
from core.ids import uuid7
from core.postgres.history import OnlyAdded


class ScheduledPrice(models.Model):
    """A price that will hold from `due_at`; applied once, by the job, with its actor and reason in the history."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="scheduled_prices")
    price = models.DecimalField(_("price"), max_digits=14, decimal_places=2)
    due_at = models.DateTimeField(_("from"))
    actor = models.CharField(_("actor"), max_length=80)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"))
    applied_at = models.DateTimeField(_("applied at"), null=True)

    class Meta:
        verbose_name = _("scheduled price")
        verbose_name_plural = _("scheduled prices")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(price__gte=Decimal(0)), name="scheduled_price_not_negative"),
            models.UniqueConstraint(fields=["product", "due_at"], name="scheduled_price_once_a_moment"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(applied_at__isnull=True), name="scheduled_price_due"),
        ]

    def __str__(self) -> str:
        return f"{self.price} {self.due_at:%Y-%m-%d %H:%M}"


class PriceChange(models.Model):
    """One change of a price: who, when, why. Rows are only added.

    `currency` is that of the new price; `old_currency` that of the old one where it was another, else empty.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="price_changes")
    old_price = models.DecimalField(_("old price"), max_digits=14, decimal_places=2)
    new_price = models.DecimalField(_("new price"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    old_currency = models.CharField(_("old currency"), max_length=3, blank=True, default="", db_default="")
    actor = models.CharField(_("actor"), max_length=80)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    at = models.DateTimeField(_("at"))
    only_added: ClassVar = OnlyAdded()

    class Meta:
        verbose_name = _("price change")
        verbose_name_plural = _("price changes")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(new_price__gte=Decimal(0)), name="price_change_not_negative"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["at", "id"], name="price_change_by_at"),
            models.Index(fields=["actor", "at", "id"], name="price_change_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.old_price} → {self.new_price}"
