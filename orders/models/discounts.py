"""The history of discounts: what was taken off which line by whom, and why."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.postgres.history import OnlyAdded
from orders.models.order import Order


class DiscountSource(models.TextChoices):
    """Ground on which a price is lower than that of the list."""

    CAMPAIGN = "campaign", _("campaign")
    COUPON = "coupon", _("coupon")
    MANAGER = "manager", _("manager")


class OrderDiscount(models.Model):
    """An amount that a source takes off one piece of a line from `at` on; the last row of a source is what holds.

    `source_id` is the campaign or coupon; `amount` is zero where a discount was taken back.
    """

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="discounts")
    line_id = models.UUIDField()
    source = models.CharField(max_length=10, choices=DiscountSource)
    source_id = models.UUIDField(null=True)
    list_price = models.DecimalField(max_digits=14, decimal_places=2)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    quantity = models.PositiveIntegerField()
    reason = models.TextField(blank=True, default="")
    actor_id = models.UUIDField()
    at = models.DateTimeField()
    only_added: ClassVar = OnlyAdded(words=("reason",))

    class Meta:
        verbose_name = _("discount")
        verbose_name_plural = _("discounts")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(source__in=DiscountSource.values), name="discount_source_known"),
            models.CheckConstraint(
                condition=Q(amount__gte=0, amount__lte=models.F("list_price")), name="discount_within_the_price"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["order", "id"], name="discount_of_order"),
            models.Index(fields=["at", "id"], name="discount_by_at"),
            models.Index(fields=["actor_id", "at", "id"], name="discount_by_actor"),
        ]
