"""What insurance knows of orders: whose they are, and what became of each attempt to insure them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class OrderCopy(models.Model):
    """Whose an order is."""

    order_id = models.UUIDField(primary_key=True, editable=False)
    customer_id = models.UUIDField()

    class Meta:
        verbose_name = _("order copy")
        verbose_name_plural = _("order copies")


class IssueAttempt(models.Model):
    """A checkout's attempt to insure its order: answered once, and never again after it was undone."""

    attempt_id = models.UUIDField(primary_key=True, editable=False)
    order_id = models.UUIDField()
    answered_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("issue attempt")
        verbose_name_plural = _("issue attempts")
