"""Codes of marked goods: which piece of an order has which, and which were freed again."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from orders.models.order import Order


class Freed(models.TextChoices):
    """Reason for which a code may be sold again."""

    REMOVED = "removed", _("removed")
    LOWERED = "lowered", _("its line was lowered")
    CANCELLED = "cancelled", _("the order was cancelled")
    RETURNED = "returned", _("the goods came back")


class MarkCodeQuerySet(models.QuerySet["MarkCode"]):
    """Codes, by what is asked about them."""

    def live(self) -> "MarkCodeQuerySet":
        """Those that nobody else may sell."""
        return self.filter(freed_at=None)

    def told(self) -> "MarkCodeQuerySet":
        """Those that the order's receipts name: of goods that were handed over, though they may be back."""
        return self.filter(freed_because__in=["", Freed.RETURNED])


class MarkCode(models.Model):
    """The code of one piece of a line, numbered from 1; nobody else's until it is freed.

    `code` is GS1 DataMatrix with its separators, `identity` the part of it that names the piece (GTIN and serial
    number): while it is live in one order no other can have it, with whichever proof.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="marks")
    line_id = models.UUIDField()
    piece = models.PositiveIntegerField()
    code = models.CharField(max_length=255)
    identity = models.CharField(max_length=40)
    entered_by = models.UUIDField()
    entered_at = models.DateTimeField()
    freed_at = models.DateTimeField(null=True)
    freed_because = models.CharField(max_length=10, choices=Freed, blank=True, default="")

    objects = MarkCodeQuerySet.as_manager()

    class Meta:
        verbose_name = _("code of marking")
        verbose_name_plural = _("codes of marking")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["identity"], condition=Q(freed_at=None), name="mark_sold_once"),
            models.UniqueConstraint(fields=["line_id", "piece"], condition=Q(freed_at=None), name="mark_one_per_piece"),
            models.CheckConstraint(condition=Q(piece__gte=1), name="mark_piece_from_one"),
            models.CheckConstraint(
                condition=Q(freed_at=None, freed_because="")
                | Q(freed_at__isnull=False, freed_because__in=Freed.values),
                name="mark_freed_for_a_reason",
            ),
        ]
