"""Payouts: money that leaves us otherwise than by undoing a payment."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from payments.errors import WrongPayoutState


class PayoutPurpose(models.TextChoices):
    """Purpose of a payout."""

    CLAIM = "claim", _("insurance claim")
    POLICY = "policy", _("unearned premium")
    LOAN = "loan", _("surplus of a loan")
    TICKET = "ticket", _("seat of a happening")
    DEPOSIT = "deposit", _("second half of earnest money")
    TRADE_IN = "trade_in", _("car taken in exchange")


class PayoutStatus(models.TextChoices):
    """State of a payout."""

    SUBMITTED = "submitted", _("sent to the provider")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")


PAYOUT_STEPS: dict[str, frozenset[str]] = {
    PayoutStatus.SUBMITTED: frozenset({PayoutStatus.SUCCEEDED, PayoutStatus.FAILED}),
    PayoutStatus.FAILED: frozenset({PayoutStatus.SUBMITTED}),
    PayoutStatus.SUCCEEDED: frozenset(),
}


class Payout(models.Model):
    """Money paid to somebody at another app's request, once per `request_id`; each retry is a new `attempt`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request_id = models.UUIDField(_("request"), unique=True)
    purpose = models.CharField(_("purpose"), max_length=10, choices=PayoutPurpose)
    subject_id = models.UUIDField(_("claim, policy, loan or order"))
    customer_id = models.UUIDField(_("customer"))
    payee = models.CharField(_("payee, if not the customer"), max_length=100, blank=True, default="", db_default="")
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    reason = models.CharField(_("reason"), max_length=255, blank=True, default="")
    provider = models.CharField(_("provider"), max_length=20)
    provider_ref = models.CharField(_("provider's id"), max_length=120, blank=True, default="")
    status = models.CharField(_("status"), max_length=20, choices=PayoutStatus, default=PayoutStatus.SUBMITTED)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=1)
    failure_code = models.CharField(_("failure code"), max_length=60, blank=True, default="")
    failure_detail = models.CharField(_("failure"), max_length=255, blank=True, default="")
    succeeded_at = models.DateTimeField(_("succeeded at"), null=True)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        constraints: ClassVar = [models.CheckConstraint(condition=Q(amount__gt=0), name="payout_amount_positive")]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="payout_newest"),
            models.Index(fields=["subject_id"], name="payout_of_subject"),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {timezone.localtime(self.created_at):%d.%m.%Y %H:%M}"

    @property
    def key(self) -> str:
        """Key of the present attempt at the provider."""
        return f"payout:{self.id}:{self.attempt}"

    @property
    def account(self) -> str:
        """The ledger account of what we owe."""
        return f"{self.purpose}:{self.subject_id}"

    def move(self, status: str, now: datetime) -> None:
        """Go one step. Raises WrongPayoutState."""
        if status not in PAYOUT_STEPS[self.status]:
            raise WrongPayoutState(state=self.status)
        self.status, self.updated_at = status, now
