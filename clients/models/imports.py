"""Lists of clients that came in and went out: imports, the rows they refused, and who took an export."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.importing.runs import ImportRun, RefusedRow, kept_as


def upload_path(instance: "ClientImport", filename: str) -> str:
    """Return the path that an upload is kept at."""
    return kept_as(instance.id, filename, folder="client-imports")


class ClientImport(ImportRun):
    """One reading of a list of clients; its file and its refused rows are dropped after a month."""

    file = models.FileField(_("file"), upload_to=upload_path, max_length=255, blank=True)

    class Meta:
        verbose_name = _("import of clients")
        verbose_name_plural = _("imports of clients")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(progress__lte=100), name="client_import_progress_is_per_cent"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["id"], condition=models.Q(status__in=["pending", "running"]), name="client_import_open"
            ),
            models.Index(fields=["finished_at"], condition=~models.Q(file=""), name="client_import_kept"),
        ]


class ClientRowError(RefusedRow):
    """Why one row of a list was refused."""

    source = models.ForeignKey(ClientImport, on_delete=models.CASCADE, related_name="errors", db_index=False)

    class Meta:
        verbose_name = _("refused row of clients")
        verbose_name_plural = _("refused rows of clients")
        indexes: ClassVar = [models.Index(fields=["source", "id"], name="client_row_error_by_import")]


class ClientExport(models.Model):
    """That somebody took a list of clients out, and how much of it: `is_clear` with phones and numbers in full.

    `rows` is filled when the last one was sent; it stays empty when the reading was broken off.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    actor = models.CharField(_("actor"), max_length=80)
    format = models.CharField(_("format"), max_length=10)
    is_clear = models.BooleanField(_("in full"))
    filters = models.JSONField(_("filters"), default=dict)
    rows = models.PositiveIntegerField(_("rows"), null=True)
    request_id = models.CharField(_("request id"), max_length=128, blank=True, default="")
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("export of clients")
        verbose_name_plural = _("exports of clients")
        indexes: ClassVar = [models.Index(fields=["at", "id"], name="client_export_newest")]

    def __str__(self) -> str:
        return f"{self.actor} {self.at:%Y-%m-%d %H:%M}"
