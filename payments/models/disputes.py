"""Disputes: a buyer's bank questions a payment, and its refunds are frozen until that is decided."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from payments.models.payments import Payment


class DisputeStatus(models.TextChoices):
    """State of a dispute."""

    OPEN = "open", _("open")
    WON = "won", _("won")
    LOST = "lost", _("lost")


class Dispute(models.Model):
    """A dispute as the provider tells of it. A decision stands: later or repeated news of its opening is old."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    provider = models.CharField(_("provider"), max_length=20)
    provider_ref = models.CharField(_("provider's id"), max_length=120)
    status = models.CharField(_("status"), max_length=10, choices=DisputeStatus, default=DisputeStatus.OPEN)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    opened_at = models.DateTimeField(_("opened at"))
    closed_at = models.DateTimeField(_("closed at"), null=True)

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "provider_ref"], name="dispute_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["-opened_at", "-id"], name="dispute_newest")]

    def __str__(self) -> str:
        return self.provider_ref
