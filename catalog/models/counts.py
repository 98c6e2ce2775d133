"""Stock-taking: sheets of what stands where, and what was counted."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models.products import Product
from core.ids import uuid7


class CountStatus(models.TextChoices):
    """State of a stock-taking."""

    OPEN = "open", _("being counted")
    CONFIRMING = "confirming", _("being settled")
    CONFIRMED = "confirmed", _("settled")
    CANCELLED = "cancelled", _("given up")


class StockCount(models.Model):
    """One stock-taking of a location, or of the whole stock where `location` is empty."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    location = models.CharField(_("location"), max_length=120, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=CountStatus, default=CountStatus.OPEN)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    actor = models.CharField(_("started by"), max_length=80)
    created_at = models.DateTimeField(_("created at"))
    closed_by = models.CharField(_("closed by"), max_length=80, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True)

    class Meta:
        verbose_name = _("stock-taking")
        verbose_name_plural = _("stock-takings")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(status__in=CountStatus.values), name="stock_count_status_known"),
            models.UniqueConstraint(
                fields=["location"], condition=Q(status__in=["open", "confirming"]), name="stock_count_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.location or _('the whole stock')}, {self.created_at:%Y-%m-%d}"


class CountOutcome(models.TextChoices):
    """Outcome of one line; none while it is being counted."""

    SAME = "same", _("as in the books")
    ADJUSTED = "adjusted", _("books corrected")
    UNCOUNTED = "uncounted", _("not counted: left alone")
    CHANGED = "changed", _("moved while it was counted: count it again")
    RESERVED = "reserved", _("held for an order: left alone")
    SOLD = "sold", _("sold meanwhile: left alone")
    GONE = "gone", _("no longer in the catalogue")


class StockCountLine(models.Model):
    """One product on a sheet: what the books said when it was listed, and what was counted."""

    id = models.BigAutoField(primary_key=True)
    sheet = models.ForeignKey(StockCount, on_delete=models.CASCADE, related_name="lines", db_index=False)
    product = models.ForeignKey(Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="+")
    expected = models.PositiveIntegerField(_("in the books"))
    counted = models.PositiveIntegerField(_("counted"), null=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=CountOutcome, blank=True)

    class Meta:
        verbose_name = _("counted product")
        verbose_name_plural = _("counted products")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sheet", "product"], name="stock_count_line_once"),
            models.CheckConstraint(condition=Q(outcome__in=["", *CountOutcome.values]), name="stock_count_outcome"),
        ]
        indexes: ClassVar = [models.Index(fields=["sheet", "id"], name="stock_count_lines")]

    def __str__(self) -> str:
        return f"{self.product_id}: {self.expected} → {self.counted}"

    @property
    def difference(self) -> int | None:
        """Return how many more or fewer there are than the books say; None while it is not counted."""
        return None if self.counted is None else self.counted - self.expected
