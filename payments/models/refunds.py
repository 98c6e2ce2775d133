"""Refunds: money on its way back."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from payments.errors import WrongRefundState
from payments.models.payments import Payment


class RefundStatus(models.TextChoices):
    """State of a refund."""

    REQUESTED = "requested", _("waiting for approval")
    APPROVED = "approved", _("approved")
    SUBMITTED = "submitted", _("sent to the provider")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    REJECTED = "rejected", _("rejected")


class RefundSource(models.TextChoices):
    """Sender of the money that went back: we, somebody at the provider's own screen, or the buyer's bank."""

    OURS = "ours", _("ours")
    PROVIDER = "provider", _("made at the provider")
    DISPUTE = "dispute", _("lost dispute")


RESERVING = (RefundStatus.REQUESTED, RefundStatus.APPROVED, RefundStatus.SUBMITTED)

REFUND_STEPS: dict[str, frozenset[str]] = {
    RefundStatus.REQUESTED: frozenset({RefundStatus.APPROVED, RefundStatus.REJECTED}),
    RefundStatus.APPROVED: frozenset({RefundStatus.SUBMITTED, RefundStatus.SUCCEEDED}),
    RefundStatus.SUBMITTED: frozenset({RefundStatus.SUCCEEDED, RefundStatus.FAILED}),
    RefundStatus.FAILED: frozenset({RefundStatus.APPROVED}),
    RefundStatus.SUCCEEDED: frozenset({RefundStatus.FAILED}),
    RefundStatus.REJECTED: frozenset(),
}


class Refund(models.Model):
    """Money going back, in part or in full. From the request on it reserves its amount of the payment.

    `requested_by` is empty when the system asked, because the order was cancelled or another app requested it by
    `request_id`. A provider may fail a refund that had succeeded. Each retry is a new `attempt`,
    and so a new key at the provider: a refusal is final for the key that met it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    order_id = models.UUIDField(_("order"), null=True)
    customer_id = models.UUIDField(_("customer"))
    source = models.CharField(
        _("source"), max_length=10, choices=RefundSource, default=RefundSource.OURS, db_default=RefundSource.OURS
    )
    request_id = models.UUIDField(_("request"), null=True, unique=True)
    subject_id = models.UUIDField(_("policy"), null=True)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    status = models.CharField(_("status"), max_length=20, choices=RefundStatus, default=RefundStatus.REQUESTED)
    reason = models.CharField(_("reason"), max_length=255)
    requested_by = models.UUIDField(_("requested by"), null=True)
    approved_by = models.UUIDField(_("decided by"), null=True)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=1)
    provider_ref = models.CharField(_("provider's id"), max_length=120, blank=True, default="")
    past_refs = models.JSONField(
        _("provider's ids of earlier attempts"), default=list, db_default=models.Value([], models.JSONField())
    )
    failure_code = models.CharField(_("failure code"), max_length=60, blank=True, default="")
    failure_detail = models.CharField(_("failure"), max_length=255, blank=True, default="")
    succeeded_at = models.DateTimeField(_("succeeded at"), null=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
            models.UniqueConstraint(
                fields=["payment", "provider_ref"], condition=~Q(provider_ref=""), name="refund_known_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["payment", "id"], name="refund_of_payment"),
            models.Index(fields=["order_id", "-created_at", "-id"], name="refund_of_order"),
            models.Index(fields=["status", "-created_at", "-id"], name="refund_by_status"),
            models.Index(fields=["-created_at", "-id"], name="refund_newest"),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {timezone.localtime(self.created_at):%d.%m.%Y %H:%M}"

    @property
    def key(self) -> str:
        """Key of this attempt at the provider."""
        return f"refund:{self.id}:{self.attempt}"

    @property
    def cause(self) -> str:
        """Why the money goes back: by a person's hand, by a rule of ours, or without us."""
        if self.source != RefundSource.OURS:
            return str(self.source)
        return "by_rule" if self.requested_by is None else "by_hand"

    def move(self, status: str, now: datetime) -> None:
        """Step to `status`. Raises WrongRefundState."""
        if status not in REFUND_STEPS[self.status]:
            raise WrongRefundState(state=self.status)
        self.status = status
        self.updated_at = now
        self.version += 1
