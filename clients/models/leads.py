"""Leads: somebody who may become a client, on the way through the pipeline."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from clients.models.cards import Client
from core.errors import WrongTransition
from core.ids import uuid7


class LeadStage(models.TextChoices):
    """Stage of a lead in the pipeline."""

    NEW = "new", _("new")
    CONTACTED = "contacted", _("contacted")
    QUALIFIED = "qualified", _("qualified")
    WON = "won", _("won")
    LOST = "lost", _("lost")


class LeadSource(models.TextChoices):
    """Source of a lead."""

    WEBSITE = "website", _("website")
    PHONE = "phone", _("phone")
    WALK_IN = "walk_in", _("walk-in")
    EMAIL = "email", _("e-mail")
    PARTNER = "partner", _("partner")
    OTHER = "other", _("other")


OPEN_STAGES = (LeadStage.NEW, LeadStage.CONTACTED, LeadStage.QUALIFIED)
ANSWERED_STAGES = (LeadStage.CONTACTED, LeadStage.QUALIFIED, LeadStage.WON)
LEADS_TO: dict[str, tuple[LeadStage, ...]] = {
    LeadStage.NEW: (LeadStage.CONTACTED, LeadStage.LOST),
    LeadStage.CONTACTED: (LeadStage.QUALIFIED, LeadStage.LOST),
    LeadStage.QUALIFIED: (LeadStage.WON, LeadStage.LOST),
    LeadStage.WON: (),
    LeadStage.LOST: (),
}
"""The pipeline: from each stage, the stages a lead may go to."""


class LeadQuerySet(models.QuerySet["Lead"]):
    """Filters of leads."""

    def overdue(self, now: datetime) -> "LeadQuerySet":
        """Open leads whose first reply, or next action, should have happened by now."""
        return self.filter(due_at__lt=now)

    def on_time(self, now: datetime) -> "LeadQuerySet":
        """All the others."""
        return self.filter(Q(due_at__gte=now) | Q(due_at__isnull=True))


class Lead(models.Model):
    """An enquiry. The clock of the first reply runs until somebody answers; then the next action's moment counts.

    `due_at` is whichever of the two is awaited, and empty when nothing is or the lead is closed.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, null=True, blank=True, related_name="leads", verbose_name=_("client")
    )
    name = models.CharField(_("name"), max_length=255)
    phone = models.CharField(_("phone"), max_length=32, blank=True, default="")
    email = models.EmailField(_("e-mail"), blank=True, default="")
    source = models.CharField(_("source"), max_length=10, choices=LeadSource)
    note = models.TextField(_("note"), blank=True, default="")
    stage = models.CharField(_("stage"), max_length=10, choices=LeadStage, default=LeadStage.NEW)
    owner_id = models.UUIDField(_("owner"), null=True, blank=True)
    reply_due_at = models.DateTimeField(_("reply due at"))
    first_replied_at = models.DateTimeField(_("first replied at"), null=True, blank=True)
    next_action = models.CharField(_("next action"), max_length=255, blank=True, default="")
    next_action_at = models.DateTimeField(_("next action at"), null=True, blank=True)
    due_at = models.DateTimeField(_("due at"), null=True, blank=True)
    lost_reason = models.CharField(_("reason of the loss"), max_length=255, blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    objects = LeadQuerySet.as_manager()

    class Meta:
        verbose_name = _("lead")
        verbose_name_plural = _("leads")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(stage__in=LeadStage.values), name="lead_stage_known"),
            models.CheckConstraint(condition=Q(source__in=LeadSource.values), name="lead_source_known"),
            models.CheckConstraint(condition=Q(phone__regex=r"^(\+[0-9]{3,15})?$"), name="lead_phone_formed"),
            models.CheckConstraint(
                condition=Q(stage=LeadStage.LOST) & ~Q(lost_reason="") | ~Q(stage=LeadStage.LOST) & Q(lost_reason=""),
                name="lead_lost_with_reason",
            ),
            models.CheckConstraint(
                condition=~Q(stage=LeadStage.WON) | Q(client__isnull=False), name="lead_won_has_client"
            ),
            models.CheckConstraint(
                condition=Q(stage=LeadStage.NEW, first_replied_at__isnull=True)
                | Q(stage__in=ANSWERED_STAGES, first_replied_at__isnull=False)
                | Q(stage=LeadStage.LOST),
                name="lead_contacted_was_answered",
            ),
            models.CheckConstraint(
                condition=Q(stage__in=OPEN_STAGES) | Q(due_at__isnull=True), name="lead_closed_awaits_nothing"
            ),
            models.CheckConstraint(
                condition=Q(next_action_at__isnull=True) | ~Q(next_action=""), name="lead_moment_has_action"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at", "id"], name="lead_newest"),
            models.Index(fields=["reply_due_at", "id"], name="lead_by_reply_due"),
            models.Index(fields=["stage", "created_at", "id"], name="lead_by_stage"),
            models.Index(fields=["owner_id", "created_at", "id"], name="lead_of_owner"),
            models.Index(fields=["due_at", "id"], condition=Q(due_at__isnull=False), name="lead_due"),
            models.Index(fields=["phone"], condition=~Q(phone=""), name="lead_by_phone"),
            models.Index(fields=["email"], condition=~Q(email=""), name="lead_by_email"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def allowed(self) -> list[str]:
        """Stages the lead may go to."""
        return [stage.value for stage in LEADS_TO[self.stage]]

    def change(self, fields: dict[str, Any], *, now: datetime) -> bool:
        """Set the given fields; tell whether any of them differed."""
        changed = {name: value for name, value in fields.items() if getattr(self, name) != value}
        for name, value in changed.items():
            setattr(self, name, value)
        if changed:
            self._touch(now)
        return bool(changed)

    def reply(self, *, by: UUID, now: datetime) -> bool:
        """Somebody answered: the first time stops the clock, makes it contacted and theirs if nobody's.

        Tell whether it was the first time. Raises WrongTransition for a closed lead.
        """
        if self.stage not in OPEN_STAGES:
            raise WrongTransition(self.stage, self.allowed)
        if self.first_replied_at is not None:
            return False
        self.owner_id = self.owner_id or by
        self.move_to(LeadStage.CONTACTED, now=now)
        return True

    def move_to(self, stage: str, *, now: datetime, reason: str = "", client: Client | None = None) -> None:
        """Go to another stage: contacted stops the clock, won needs the client, lost the reason.

        Raises WrongTransition.
        """
        if stage not in LEADS_TO[self.stage]:
            raise WrongTransition(self.stage, self.allowed)
        self.stage, self.lost_reason = LeadStage(stage), reason
        if stage == LeadStage.CONTACTED:
            self.first_replied_at = now
        if client is not None:
            self.client = client
        self._touch(now)

    def forget(self, *, now: datetime) -> None:
        """Blank whom it tells of; an open one is lost."""
        if self.stage in OPEN_STAGES:
            self.stage = LeadStage.LOST
        if self.stage == LeadStage.LOST:
            self.lost_reason = "erased"
        self.name = self.phone = self.email = self.note = self.next_action = ""
        self.next_action_at = None
        self._touch(now)

    def is_overdue(self, now: datetime) -> bool:
        """Tell whether what is awaited should have happened."""
        return self.due_at is not None and self.due_at < now

    def _touch(self, now: datetime) -> None:
        awaited = self.next_action_at if self.first_replied_at else self.reply_due_at
        self.due_at = awaited if self.stage in OPEN_STAGES else None
        self.updated_at = now
        self.version += 1
