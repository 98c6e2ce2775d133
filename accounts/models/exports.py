"""Exports of everything that is known about a person, gathered app by app."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User
from core.ids import uuid7


class ExportStatus(models.TextChoices):
    """State of an export."""

    PENDING = "pending", _("pending")
    RUNNING = "running", _("running")
    READY = "ready", _("ready")


class PersonalDataExport(models.Model):
    """One gathering of a person's data. `gathered` names the apps that have answered; one that is down is asked again.

    The answers are kept sealed, and go when `expires_at` comes or the person is erased.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="exports", verbose_name=_("user"))
    requested_by = models.UUIDField(_("requested by"))
    status = models.CharField(_("status"), max_length=10, choices=ExportStatus, default=ExportStatus.PENDING)
    gathered = ArrayField(models.CharField(max_length=40), default=list, verbose_name=_("gathered"))
    next_at = models.DateTimeField()
    created_at = models.DateTimeField(_("created at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    expires_at = models.DateTimeField(_("expires at"))

    class Meta:
        verbose_name = _("export of personal data")
        verbose_name_plural = _("exports of personal data")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user"], condition=~Q(status="ready"), name="export_one_at_a_time"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "created_at", "id"], name="export_of_user"),
            models.Index(fields=["next_at"], condition=~Q(status="ready"), name="export_due"),
            models.Index(fields=["expires_at"], name="export_by_expiry"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def progress(self) -> dict[str, int]:
        """Count the apps that have answered, and those that were asked."""
        return {"done": len(self.gathered), "total": len(settings.APPS)}

    @property
    def missing(self) -> list[str]:
        """Apps that have not answered yet."""
        return [app for app in settings.APPS if app not in self.gathered]


class ExportPart(models.Model):
    """One app's answer, sealed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    export = models.ForeignKey(PersonalDataExport, models.CASCADE, related_name="parts")
    app = models.CharField(max_length=40)
    body = models.BinaryField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["export", "app"], name="export_part_once")]

    def __str__(self) -> str:
        return f"{self.export_id} {self.app}"
