"""Imports of price lists, and the rows they refused."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7


class ImportStatus(models.TextChoices):
    """How far an import is."""

    PENDING = "pending", _("waiting")
    RUNNING = "running", _("running")
    COMPLETED = "completed", _("completed")
    COMPLETED_WITH_ERRORS = "completed_with_errors", _("completed with errors")
    FAILED = "failed", _("failed")


OPEN = (ImportStatus.PENDING, ImportStatus.RUNNING)


def upload_path(instance: "Import", filename: str) -> str:
    """Where an upload is kept: under the import's id, whatever the client called it."""
    name = filename.lower()
    ending = ".xlsx" if name.endswith(".xlsx") else ".csv.gz" if name.endswith(".gz") else ".csv"
    return f"imports/{instance.id}{ending}"


class Import(models.Model):
    """One reading of a price list. `options` are the mapping, currency and defaults it is read with.

    `rows_ok` counts good rows, repeats included; `created + updated + unchanged + repeated = rows_ok`. `warnings` is
    {code: rows} of what was taken but looks odd. `written_to` is the last row whose listing was written, and
    `written` what that came to: an import whose worker died goes on from there.
    """

    id: UUID = models.UUIDField(primary_key=True, default=uuid7, editable=False)  # type: ignore[assignment]
    filename = models.CharField(_("file name"), max_length=255)
    file = models.FileField(_("file"), upload_to=upload_path, max_length=255, blank=True)
    options = models.JSONField(_("options"), default=dict)
    status = models.CharField(_("status"), max_length=24, choices=ImportStatus, default=ImportStatus.PENDING)
    progress = models.PositiveSmallIntegerField(_("progress, %"), default=0)
    rows_total = models.PositiveIntegerField(_("rows"), default=0)
    rows_ok = models.PositiveIntegerField(_("good rows"), default=0)
    rows_failed = models.PositiveIntegerField(_("refused rows"), default=0)
    created = models.PositiveIntegerField(_("created"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    repeated = models.PositiveIntegerField(_("repeated in the file"), default=0)
    warnings = models.JSONField(_("warnings"), default=dict, db_default={})
    is_dry_run = models.BooleanField(_("dry run"), default=False, db_default=False)
    written_to = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    written = models.JSONField(default=dict, db_default={}, editable=False)
    failure = models.JSONField(_("failure"), null=True)
    actor = models.CharField(_("actor"), max_length=80)
    created_at = models.DateTimeField(_("created at"))
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(progress__lte=100), name="import_progress_is_per_cent"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=models.Q(status__in=["pending", "running"]), name="import_open"),
        ]

    def __str__(self) -> str:
        return self.filename


class RowError(models.Model):
    """Why one row was refused. `row` counts data rows from 1, `line` the lines of the file from 1."""

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="errors", db_index=False)
    row = models.PositiveIntegerField(_("row"))
    line = models.PositiveIntegerField(_("line"))
    field = models.CharField(_("field"), max_length=40, blank=True)
    code = models.CharField(_("code"), max_length=40)
    detail = models.CharField(_("detail"), max_length=255)

    class Meta:
        verbose_name = _("refused row")
        verbose_name_plural = _("refused rows")
        indexes: ClassVar = [models.Index(fields=["source", "id"], name="row_error_by_import")]

    def __str__(self) -> str:
        return f"{self.line}: {self.detail}"
