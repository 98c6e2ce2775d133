"""Imports of price lists, and the rows they refused."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.importing.runs import OPEN, ImportRun, ImportStatus, RefusedRow, kept_as

__all__ = ["OPEN", "Import", "ImportStatus", "RowError", "upload_path"]


def upload_path(instance: "Import", filename: str) -> str:
    """Return the path that an upload is kept at."""
    return kept_as(instance.id, filename, folder="imports")


class Import(ImportRun):
    """One reading of a price list. `options` are the mapping, currency and defaults it is read with.

    `warnings` is {code: rows} of what was taken but looks odd.
    """

    file = models.FileField(_("file"), upload_to=upload_path, max_length=255, blank=True)
    warnings = models.JSONField(_("warnings"), default=dict, db_default={})

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(progress__lte=100), name="import_progress_is_per_cent"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=models.Q(status__in=["pending", "running"]), name="import_open"),
        ]


class RowError(RefusedRow):
    """Why one row was refused."""

    source = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="errors", db_index=False)

    class Meta:
        verbose_name = _("refused row")
        verbose_name_plural = _("refused rows")
        indexes: ClassVar = [models.Index(fields=["source", "id"], name="row_error_by_import")]
