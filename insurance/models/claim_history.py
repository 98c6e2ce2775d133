"""The history of claims: every step and every sum that was found, decided or paid, written by the database itself."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.postgres.history import OnlyAdded
from insurance.models.claims import Claim, ClaimStatus


class ClaimHistory(models.Model):
    """One change of a claim. A trigger adds the row, whichever way the claim was written.

    `changes` are what it was and what it became, by column: steps, sums, whose decision, by which terms. The claim
    itself keeps its last decision alone, and forgets that too when it is opened again.
    """

    id = models.BigAutoField(primary_key=True)
    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="history", verbose_name=_("claim"))
    status = models.CharField(_("status"), max_length=20, choices=ClaimStatus)
    changes = models.JSONField(_("changes"), default=dict)
    reason = models.TextField(_("reason"), blank=True, default="")
    decided_by = models.UUIDField(_("decided by"), null=True)
    version = models.PositiveIntegerField(_("version"))
    at = models.DateTimeField(_("at"))
    only_added: ClassVar = OnlyAdded(words=("changes", "reason"))

    class Meta:
        verbose_name = _("step of a claim")
        verbose_name_plural = _("history of claims")
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["at", "id"], name="claim_history_by_at"),
            models.Index(
                fields=["decided_by", "at", "id"],
                condition=models.Q(decided_by__isnull=False),
                name="claim_history_by_decider",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_status_display()} {self.at:%Y-%m-%d}"
