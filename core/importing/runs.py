"""Imports that run in the background: their rows, who may work on one, and how far it is.

An app keeps its imports in tables of its own, built from `ImportRun` and `RefusedRow`; the row is the promise, the
message to the worker only a hint.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from celery import current_app
from django.conf import settings
from django.db import InterfaceError, OperationalError, models
from django.utils.translation import gettext_lazy as _

from core.db import SEEDED, on_commit, session_lock, transaction
from core.errors import NotFound, Unavailable
from core.files.kept import local_copy
from core.ids import uuid7
from core.importing.limits import Limits
from core.importing.problems import ImportNotOver, RowProblem, UnreadableFile
from core.importing.refused import refused_rows

READING, WRITING = "reading", "writing"
Progress = Callable[[str, int, int], None]
"""Is told the stage, how much of it is done, and of how much."""
Refuse = Callable[[list[RowProblem]], None]
"""Is given refused rows as they are found."""
log = structlog.get_logger(__name__)


class ImportStatus(models.TextChoices):
    """State of an import."""

    PENDING = "pending", _("waiting")
    RUNNING = "running", _("running")
    COMPLETED = "completed", _("completed")
    COMPLETED_WITH_ERRORS = "completed_with_errors", _("completed with errors")
    FAILED = "failed", _("failed")


OPEN = (ImportStatus.PENDING, ImportStatus.RUNNING)
ENDED_WELL = (ImportStatus.COMPLETED, ImportStatus.COMPLETED_WITH_ERRORS)


def kept_as(run_id: UUID, filename: str, *, folder: str) -> str:
    """Return where an upload is kept: under the import's id, whatever the client called it."""
    name = filename.lower()
    ending = ".xlsx" if name.endswith(".xlsx") else ".csv.gz" if name.endswith(".gz") else ".csv"
    return f"{folder}/{run_id}{ending}"


class ImportRun(models.Model):
    """One reading of a file; a table of these also has `file`. `options` are what it is read with.

    `rows_ok` counts good rows, repeats included; `created + updated + unchanged + repeated = rows_ok`. `written_to` is
    the last row that was written, and `written` what that came to: an import whose worker died goes on from there.
    `columns` is {field: the headers it was found under}.
    """

    id: UUID = models.UUIDField(primary_key=True, default=uuid7, editable=False)  # type: ignore[assignment]
    filename = models.CharField(_("file name"), max_length=255)
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
    is_dry_run = models.BooleanField(_("dry run"), default=False, db_default=False)
    columns = models.JSONField(_("columns"), default=dict, db_default={})
    written_to = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    written = models.JSONField(default=dict, db_default={}, editable=False)
    failure = models.JSONField(_("failure"), null=True)
    actor = models.CharField(_("actor"), max_length=80)
    created_at = models.DateTimeField(_("created at"))
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.filename

    @property
    def is_open(self) -> bool:
        """Tell whether it waits or runs."""
        return self.status in OPEN

    @property
    def may_be_repeated(self) -> bool:
        """Tell whether it was a dry run that ended well, and its file is still kept."""
        return self.is_dry_run and self.status in ENDED_WELL and bool(getattr(self, "file", ""))


class RefusedRow(models.Model):
    """Why one row was refused; a table of these also has `source`, the import.

    `row` counts data rows from 1, `line` the lines of the file from 1.
    """

    id = models.BigAutoField(primary_key=True)
    row = models.PositiveIntegerField(_("row"))
    line = models.PositiveIntegerField(_("line"))
    field = models.CharField(_("field"), max_length=40, blank=True)
    code = models.CharField(_("code"), max_length=40)
    detail = models.CharField(_("detail"), max_length=255)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.line}: {self.detail}"


def import_limits() -> Limits:
    """Return how much one file may hold, from the settings."""
    return Limits(
        max_bytes=getattr(settings, "IMPORT_MAX_BYTES", Limits.max_bytes),
        max_ratio=getattr(settings, "IMPORT_MAX_RATIO", Limits.max_ratio),
    )


def promise(run: Any, *, alias: str, task: str, queue: str) -> None:
    """Keep a new import, and have a worker read it after the commit."""

    def wake() -> None:
        try:
            current_app.send_task(task, [str(run.id)], queue=queue, retry=False, ignore_result=True)
        except Exception as error:
            log.warning("wakeup_lost", task=task, error=repr(error))

    run.file.save(run.file.name, run.file.file, save=False)
    try:
        with transaction(alias):
            run.save(force_insert=True)
            on_commit(alias, wake)
    except BaseException:
        run.file.delete(save=False)
        raise


def tried(runs: type[Any], import_id: UUID) -> Any:
    """A dry run whose file may now be imported for real. Raises NotFound, ImportNotOver."""
    run = runs.objects.filter(pk=import_id).first()
    if run is None:
        raise NotFound
    if not run.may_be_repeated:
        raise ImportNotOver
    return run


def open_runs(runs: type[Any]) -> list[UUID]:
    """Imports that wait, or whose worker may have died."""
    return list(runs.objects.filter(status__in=OPEN).order_by("pk").values_list("pk", flat=True))


def carry_out(
    runs: type[Any],
    import_id: UUID,
    *,
    alias: str,
    work: Callable[[Any], Any],
    begin: Callable[[Any], None],
    now: datetime,
) -> bool:
    """Carry out a waiting import, or one that a dead worker left; return whether it was ours to do.

    `begin` is called in the transaction that marks it running; `work` does it and returns its counts as an object whose
    attributes are columns of the import.
    """
    with session_lock(alias, str(import_id), [1], number=SEEDED) as is_mine:
        run = runs.objects.filter(pk=import_id, status__in=OPEN).first() if is_mine else None
        if run is None:
            return False
        with transaction(alias):
            begin(run)
            run.status, run.started_at, run.progress = ImportStatus.RUNNING, now, 0
            run.save(update_fields=["status", "started_at", "progress"])
        began = monotonic()
        try:
            result = work(run)
        except UnreadableFile as error:
            _fail(run, str(error.extra["reason"]), str(error.detail), _later(now, began))
        except (OperationalError, InterfaceError, Unavailable):
            raise  # the database or the file went away: the import stays open and is begun again
        except Exception:
            _fail(run, "internal_error", "Something went wrong on our side.", _later(now, began))
            raise
        else:
            _finish(run, result, _later(now, began))
        return True


def _later(now: datetime, began: float) -> datetime:
    """Return what `now` has become since the work began."""
    return now + timedelta(seconds=monotonic() - began)


def _fail(run: Any, code: str, detail: str, now: datetime) -> None:
    run.status, run.failure, run.finished_at = ImportStatus.FAILED, {"code": code, "detail": detail}, now
    run.save(update_fields=["status", "failure", "finished_at"])


def _finish(run: Any, result: Any, now: datetime) -> None:
    run.status = ImportStatus.COMPLETED_WITH_ERRORS if result.rows_failed else ImportStatus.COMPLETED
    run.progress, run.finished_at = 100, now
    for name, value in vars(result).items():
        setattr(run, name, value)
    run.save()


def store_refused_rows(rows: type[Any], run: Any, problems: Iterable[RowProblem]) -> None:
    """Write refused rows down."""
    rows.objects.bulk_create(
        rows(source=run, row=item.row, line=item.line, field=item.field, code=item.code, detail=item.detail[:255])
        for item in problems
    )


def read_refused_rows(runs: type[Any], rows: type[Any], import_id: UUID) -> Iterator[list[str]]:
    """Header and rows of a CSV of what an import refused, as it stood in the file. Raises NotFound."""
    run = runs.objects.filter(pk=import_id).first()
    if run is None:
        raise NotFound
    if not run.file:
        return iter([[*RowProblem._fields]])
    found = rows.objects.filter(source=run).order_by("row", "id")
    fields = found.values_list("row", "line", "field", "code", "detail").iterator()
    problems = (RowProblem(*row) for row in fields)
    stack = ExitStack()
    path = stack.enter_context(local_copy(run.file))
    return _closing(stack, refused_rows(path, problems, encoding=run.options.get("encoding", "")))


def _closing(stack: ExitStack, lines: Iterator[list[str]]) -> Iterator[list[str]]:
    """Give the lines, and up afterwards what they are read from."""
    with stack:
        yield from lines


class Meter:
    """Shows progress in the import's row, a per cent at a time; `shares` are the per cents that its stages fill."""

    def __init__(self, run: Any, **shares: tuple[int, int]) -> None:
        self.run = run
        self.shares = shares or {READING: (0, 50), WRITING: (50, 100)}

    def __call__(self, stage: str, done: int, total: int) -> None:
        first, last = self.shares[stage]
        percent = min(99, first + int((last - first) * (done / total if total else 1.0)))
        if percent > self.run.progress:
            self.run.progress = percent
            self.run.save(update_fields=["progress"])
