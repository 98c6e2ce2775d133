"""Overrides: a manager lends what the rules refused; above a limit a second one has to agree."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from core.postgres.history import OnlyAdded
from financing.errors import SecondPersonNeeded
from financing.models.applications import Application
from financing.models.fields import amount_field, percent_field


class OverrideStatus(models.TextChoices):
    """State of an override. `lapsed`: its order was paid or cancelled before anybody answered."""

    PROPOSED = "proposed", _("waits for a second person")
    CONFIRMED = "confirmed", _("in force")
    REJECTED = "rejected", _("rejected")
    LAPSED = "lapsed", _("lapsed")


class Override(models.Model):
    """Terms a manager would lend on against the rules: roubles, % a year; one waits for an application at a time.

    The database itself refuses one person who is both: `answered_by` of an override that needs two is another one.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="overrides", verbose_name=_("application")
    )
    amount = amount_field(_("amount"))
    annual_rate = percent_field(_("rate, % a year"))
    term_months = models.PositiveSmallIntegerField(_("term, months"))
    reasons = models.JSONField(_("reasons of the refusal"), default=list)
    reason = models.TextField(_("reason"))
    status = models.CharField(_("status"), max_length=10, choices=OverrideStatus, default=OverrideStatus.PROPOSED)
    is_for_two = models.BooleanField(_("needs a second person"))
    proposed_by = models.UUIDField(_("proposed by"))
    proposed_at = models.DateTimeField(_("proposed at"))
    answered_by = models.UUIDField(_("answered by"), null=True)
    answered_at = models.DateTimeField(_("answered at"), null=True)
    note = models.TextField(_("note"), blank=True, default="")
    only_added: ClassVar = OnlyAdded(
        words=("reason", "reasons", "note"),
        steps={"status": "proposed", "answered_by": None, "answered_at": None, "note": ""},
    )

    class Meta:
        verbose_name = _("override")
        verbose_name_plural = _("overrides")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, annual_rate__gte=0, term_months__gte=1, term_months__lte=360),
                name="override_terms_sane",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="override_has_a_reason"),
            models.CheckConstraint(
                condition=Q(is_for_two=False)
                | Q(status__in=["proposed", "lapsed"], answered_by__isnull=True)
                | Q(status__in=["confirmed", "rejected"], answered_by__isnull=False) & ~Q(answered_by=F("proposed_by")),
                name="override_answered_by_another",
            ),
            models.UniqueConstraint(
                fields=["application"], condition=Q(status="proposed"), name="one_override_proposed"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-proposed_at", "-id"], name="override_newest"),
            models.Index(fields=["status", "-proposed_at", "-id"], name="override_by_status"),
            models.Index(fields=["proposed_by", "proposed_at", "id"], name="override_by_proposer"),
            models.Index(
                fields=["answered_at", "id"], condition=Q(answered_at__isnull=False), name="override_by_answered_at"
            ),
            models.Index(
                fields=["answered_by", "answered_at", "id"],
                condition=Q(answered_by__isnull=False),
                name="override_by_answerer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount}, {self.get_status_display()}"

    def answer(self, status: OverrideStatus, *, answered_by: UUID, note: str, now: datetime) -> None:
        """Confirm or reject. Raises WrongTransition, or SecondPersonNeeded for the one who proposed it."""
        if self.status != OverrideStatus.PROPOSED:
            raise WrongTransition(self.status, [])
        if answered_by == self.proposed_by:
            raise SecondPersonNeeded
        self.status, self.note = status, note
        self.answered_by, self.answered_at = answered_by, now
