"""Store what insurance knows of orders: whose they are, and what became of each attempt to insure them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.money import ZERO
from insurance.models.fields import amount_field


class OrderCopy(models.Model):
    """Owner of an order, what it sells, and the loan its car is pledged for: the bank and what is still owed, roubles.

    `products` are those its lines name; empty is not known, of an order that has not changed since they are noted.
    """

    order_id = models.UUIDField(primary_key=True, editable=False)
    customer_id = models.UUIDField()
    products = ArrayField(models.UUIDField(), null=True)
    loan_id = models.UUIDField(null=True)
    bank = models.CharField(max_length=100, blank=True, default="", db_default="")
    debt = amount_field("debt", default=ZERO, db_default=ZERO)

    class Meta:
        verbose_name = _("order copy")
        indexes: ClassVar = [
            models.Index(fields=["loan_id"], condition=models.Q(loan_id__isnull=False), name="order_copy_of_loan")
        ]
        verbose_name_plural = _("order copies")


class IssueAttempt(models.Model):
    """A checkout's attempt to insure its order: answered once, and never again after it was undone."""

    attempt_id = models.UUIDField(primary_key=True, editable=False)
    order_id = models.UUIDField()
    answered_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    requested_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("issue attempt")
        verbose_name_plural = _("issue attempts")
