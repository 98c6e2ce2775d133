"""Claims: a loss that was reported, what it is worth, and what was decided."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from insurance.errors import AboveLimit
from insurance.models.fields import amount_field
from insurance.models.policies import Policy


class ClaimStatus(models.TextChoices):
    """Where a claim stands."""

    OPENED = "opened", _("opened")
    ASSESSING = "assessing", _("being assessed")
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")


_S = ClaimStatus
TRANSITIONS: dict[str, tuple[str, ...]] = {
    _S.OPENED: (_S.ASSESSING, _S.REJECTED),
    _S.ASSESSING: (_S.ASSESSING, _S.APPROVED, _S.REJECTED),
}
"""Every step a claim may take; an assessment may be made again. A status that is not a key is final."""


class Claim(models.Model):
    """A loss under a policy, roubles: `amount` claimed, `assessed_amount` found, `payable_amount` by the policy."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="claims", verbose_name=_("policy"))
    customer_id = models.UUIDField(_("customer"))
    occurred_at = models.DateTimeField(_("happened at"))
    description = models.TextField(_("description"))
    amount = amount_field(_("claimed"))
    status = models.CharField(_("status"), max_length=15, choices=ClaimStatus, default=_S.OPENED)
    assessed_amount = amount_field(_("assessed loss"), null=True)
    payable_amount = amount_field(_("payable"), null=True)
    is_total_loss = models.BooleanField(_("total loss"), default=False)
    approved_amount = amount_field(_("approved"), null=True)
    reason = models.TextField(_("reason"), blank=True, default="")
    decided_by = models.UUIDField(_("decided by"), null=True)
    decided_at = models.DateTimeField(_("decided at"), null=True)
    currency = models.CharField(_("currency"), max_length=3)
    version = models.PositiveIntegerField(_("version"), default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="claim_amount_positive"),
            models.CheckConstraint(
                condition=~Q(status=_S.APPROVED)
                | Q(approved_amount__isnull=False, approved_amount__gt=0, approved_amount__lte=F("payable_amount")),
                name="claim_approved_within_payable",
            ),
            models.CheckConstraint(
                condition=Q(assessed_amount__isnull=True)
                | Q(payable_amount__isnull=False, payable_amount__gte=0, payable_amount__lte=F("assessed_amount"))
                | Q(is_total_loss=True, payable_amount__isnull=False, payable_amount__gte=0),
                name="claim_payable_within_loss",
            ),
            models.UniqueConstraint(
                fields=["policy", "occurred_at"], condition=~Q(status=_S.REJECTED), name="one_claim_per_event"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "-created_at", "-id"], name="claim_of_customer"),
            models.Index(fields=["-created_at", "-id"], name="claim_newest"),
            models.Index(fields=["status", "-created_at", "-id"], name="claim_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} {self.amount} {self.currency}"

    def _move(self, target: str, now: datetime) -> None:
        allowed = TRANSITIONS.get(self.status, ())
        if target not in allowed:
            raise WrongTransition(self.status, list(allowed))
        self.status, self.updated_at = target, now
        self.version += 1

    def assess(self, *, loss: Decimal, payable: Decimal, is_total_loss: bool, now: datetime) -> None:
        """Record what the loss is worth and what the policy pays for it. Raises WrongTransition."""
        self._move(_S.ASSESSING, now)
        self.assessed_amount, self.payable_amount, self.is_total_loss = loss, payable, is_total_loss

    def approve(self, amount: Decimal | None, *, decided_by: UUID, now: datetime) -> None:
        """Grant what the policy pays, or less. Raises WrongTransition, AboveLimit."""
        self._move(_S.APPROVED, now)
        granted = self.payable_amount if amount is None else amount
        if granted is None or not 0 < granted <= self.payable_amount:
            raise AboveLimit(payable=str(self.payable_amount))
        self.approved_amount, self.decided_by, self.decided_at = granted, decided_by, now

    def reject(self, reason: str, *, decided_by: UUID, now: datetime) -> None:
        """Refuse, and say why. Raises WrongTransition."""
        self._move(_S.REJECTED, now)
        self.reason, self.decided_by, self.decided_at = reason, decided_by, now
