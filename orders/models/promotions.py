"""Campaigns and coupons: what lowers a price by a rule, how much of it is left, and which orders used it."""

from datetime import date
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from orders.models.order import Order


class PromotionQuerySet(models.QuerySet["Promotion"]):
    """Promotions by their days."""

    def live(self, day: date) -> "PromotionQuerySet":
        """Those that hold on a day of the dealer's."""
        return self.filter(is_active=True, starts_on__lte=day, ends_on__gte=day)


class Promotion(models.Model):
    """A campaign, or with a `code` a coupon: per cent of the list price or roubles off, on what its conditions name.

    A campaign's amount is off each piece, a coupon's once off an order. `spent` of the `budget` and `used` of
    `limit_total` are what orders hold that were not called off. Both days are included. `category_ids` is the category
    with all below it as it was saved.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    code = models.CharField(_("code"), max_length=40, blank=True, default="")
    name = models.CharField(_("name"), max_length=120)
    percent = models.DecimalField(_("per cent"), max_digits=5, decimal_places=2, null=True)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2, null=True)
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    kind = models.CharField(_("kind"), max_length=20, blank=True, default="")
    category_id = models.UUIDField(_("category"), null=True)
    category_ids = ArrayField(models.UUIDField(), default=list)
    make = models.CharField(_("make"), max_length=60, blank=True, default="")
    min_days_in_stock = models.PositiveIntegerField(_("days in stock, at least"), null=True)
    min_price = models.DecimalField(_("list price, at least"), max_digits=14, decimal_places=2, null=True)
    budget = models.DecimalField(_("budget"), max_digits=14, decimal_places=2, null=True)
    spent = models.DecimalField(_("spent"), max_digits=14, decimal_places=2, default=0)
    limit_total = models.PositiveIntegerField(_("uses, at most"), null=True)
    limit_per_person = models.PositiveIntegerField(_("uses of a person, at most"), null=True)
    used = models.PositiveIntegerField(_("uses"), default=0)
    is_combinable = models.BooleanField(_("combinable"), default=False)
    is_below_cost = models.BooleanField(_("also below cost"), default=False, db_default=False)
    is_active = models.BooleanField(_("active"), default=True)
    created_by = models.UUIDField(_("created by"))
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))
    version = models.PositiveIntegerField(default=1)

    objects = PromotionQuerySet.as_manager()

    class Meta:
        verbose_name = _("campaign or coupon")
        verbose_name_plural = _("campaigns and coupons")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["code"], condition=~Q(code=""), name="coupon_code_unique"),
            models.CheckConstraint(
                condition=Q(percent__gt=0, percent__lte=100, amount=None) | Q(amount__gt=0, percent=None),
                name="promotion_takes_one_thing_off",
            ),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="promotion_ends_after_start"),
            models.CheckConstraint(
                condition=Q(spent__gte=0) & (Q(budget=None) | Q(budget__isnull=False, spent__lte=F("budget"))),
                name="promotion_within_budget",
            ),
            models.CheckConstraint(
                condition=Q(limit_total=None) | Q(limit_total__isnull=False, used__lte=F("limit_total")),
                name="promotion_within_limit",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["ends_on"], condition=Q(code="", is_active=True), name="campaign_by_last_day"),
        ]

    def __str__(self) -> str:
        return self.code or self.name


class PromotionUse(models.Model):
    """Part of a promotion that an order took, in roubles; given back at `ended_at` if the order was called off."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    promotion = models.ForeignKey(Promotion, on_delete=models.PROTECT, related_name="uses")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="promotions")
    customer_id = models.UUIDField()
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    used_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("use of a promotion")
        verbose_name_plural = _("uses of promotions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["promotion", "order"], name="promotion_once_an_order"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="promotion_use_not_negative"),
        ]
        indexes: ClassVar = [models.Index(fields=["customer_id", "promotion"], name="promotion_use_of_person")]
