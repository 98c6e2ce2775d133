"""Changes of many prices at once, as previewed and as carried out."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models.products import Product
from core.ids import uuid7


class RevisionStatus(models.TextChoices):
    """State of a change of prices."""

    DRAFT = "draft", _("preview")
    APPLYING = "applying", _("being applied")
    APPLIED = "applied", _("applied")
    DISCARDED = "discarded", _("discarded")


class PriceStep(models.TextChoices):
    """Step by which a price is changed."""

    PERCENT = "percent", _("per cent")
    AMOUNT = "amount", _("an amount")


class PriceRevision(models.Model):
    """Many prices in one currency changed by `value` per cent or major units, rounded to multiples of `step`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("changed by"), max_length=8, choices=PriceStep)
    value = models.DecimalField(_("how much"), max_digits=14, decimal_places=2)
    step = models.DecimalField(_("rounded to"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    reason = models.CharField(_("reason"), max_length=200)
    status = models.CharField(_("status"), max_length=10, choices=RevisionStatus, default=RevisionStatus.DRAFT)
    actor = models.CharField(_("previewed by"), max_length=80)
    created_at = models.DateTimeField(_("created at"))
    closed_by = models.CharField(_("closed by"), max_length=80, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True)

    class Meta:
        verbose_name = _("change of prices")
        verbose_name_plural = _("changes of prices")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=PriceStep.values), name="price_revision_kind_known"),
            models.CheckConstraint(condition=Q(status__in=RevisionStatus.values), name="price_revision_status_known"),
            models.CheckConstraint(condition=Q(step__gt=Decimal(0)), name="price_revision_step_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.value:+f}{'%' if self.kind == PriceStep.PERCENT else f' {self.currency}'}: {self.reason}"


class LineOutcome(models.TextChoices):
    """Outcome of one price; none while it is only previewed."""

    SET = "set", _("set")
    CHANGED = "changed", _("had changed meanwhile: left alone")
    GONE = "gone", _("no longer in the catalogue")


class PriceRevisionLine(models.Model):
    """One price of a revision: what it was when previewed, and what it is to be."""

    id = models.BigAutoField(primary_key=True)
    revision = models.ForeignKey(PriceRevision, on_delete=models.CASCADE, related_name="lines", db_index=False)
    product = models.ForeignKey(Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="+")
    old_price = models.DecimalField(_("old price"), max_digits=14, decimal_places=2)
    new_price = models.DecimalField(_("new price"), max_digits=14, decimal_places=2)
    outcome = models.CharField(_("outcome"), max_length=8, choices=LineOutcome, blank=True)

    class Meta:
        verbose_name = _("changed price")
        verbose_name_plural = _("changed prices")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["revision", "product"], name="price_revision_line_once"),
            models.CheckConstraint(condition=Q(new_price__gt=Decimal(0)), name="price_revision_line_positive"),
            models.CheckConstraint(condition=Q(outcome__in=["", *LineOutcome.values]), name="price_revision_outcome"),
        ]
        indexes: ClassVar = [models.Index(fields=["revision", "id"], name="price_revision_lines")]

    def __str__(self) -> str:
        return f"{self.old_price} → {self.new_price}"
