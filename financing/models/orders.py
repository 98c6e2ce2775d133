"""Store what financing knows of orders: who ordered, for how much, and which attempts of a checkout are over."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class OrderState(models.TextChoices):
    """State of an order: open to lending, paid or cancelled."""

    OPEN = "open", _("open")
    PAID = "paid", _("paid")
    CANCELLED = "cancelled", _("cancelled")


class OrderCopy(models.Model):
    """An order as its events tell it; its row is the lock under which one loan is agreed for it."""

    order_id = models.UUIDField(primary_key=True, editable=False)
    customer_id = models.UUIDField()
    number = models.CharField(max_length=20)
    total_amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    version = models.PositiveIntegerField()
    product_ids = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    state = models.CharField(max_length=10, choices=OrderState, default=OrderState.OPEN)

    class Meta:
        verbose_name = _("order copy")
        verbose_name_plural = _("order copies")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(total_amount__gte=0), name="order_copy_total_not_negative"),
        ]

    def __str__(self) -> str:
        return self.number


class ClosedAttempt(models.Model):
    """A checkout's attempt that holds nothing and never will; `answered_at` is set once its request was refused."""

    attempt_id = models.UUIDField(primary_key=True, editable=False)
    order_id = models.UUIDField()
    closed_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
