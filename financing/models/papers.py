"""Papers of an application: what a programme wants to see, what the client sent, and what a manager said of it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from financing.models.applications import Application


class PaperKind(models.TextChoices):
    """Kind of paper."""

    PASSPORT = "passport", _("passport")
    LICENCE = "driving_licence", _("driving licence")
    INCOME = "income_certificate", _("certificate of income")
    STATEMENT = "bank_statement", _("statement of a bank account")
    EMPLOYMENT = "employment_record", _("record of employment")
    PENSION = "pension_certificate", _("certificate of pension")
    TITLE = "vehicle_title", _("title of the car")
    OTHER = "other", _("another paper")


class PaperStatus(models.TextChoices):
    """Verdict of a manager on a paper."""

    SUBMITTED = "submitted", _("waits to be looked at")
    ACCEPTED = "accepted", _("accepted")
    REJECTED = "rejected", _("not accepted")


class ApplicationDocument(models.Model):
    """A paper of an application, kept where only services reach it; of each kind one accepted paper is enough."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="documents", verbose_name=_("application")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=PaperKind)
    name = models.CharField(_("file name"), max_length=150)
    content_type = models.CharField(_("type"), max_length=40)
    size = models.PositiveIntegerField(_("bytes"))
    sha256 = models.CharField(_("digest"), max_length=64)
    path = models.CharField(_("where it lies"), max_length=200)
    status = models.CharField(_("status"), max_length=10, choices=PaperStatus, default=PaperStatus.SUBMITTED)
    note = models.CharField(_("note"), max_length=500, blank=True, default="")
    uploaded_by = models.UUIDField(_("uploaded by"))
    created_at = models.DateTimeField(_("created at"))
    reviewed_by = models.UUIDField(_("looked at by"), null=True)
    reviewed_at = models.DateTimeField(_("looked at"), null=True)

    class Meta:
        verbose_name = _("paper of an application")
        verbose_name_plural = _("papers of applications")
        ordering: ClassVar = ["created_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["application", "sha256"], name="one_credit_paper_once"),
            models.CheckConstraint(condition=Q(size__gt=0), name="credit_paper_is_not_empty"),
            models.CheckConstraint(
                condition=Q(status="submitted") | Q(reviewed_by__isnull=False, reviewed_at__isnull=False),
                name="credit_paper_reviewed_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.name
