"""Imports that run in the background: accepted, carried out by a worker, taken up again when it died."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from uuid import UUID

import structlog
from celery import current_app
from django.core.files import File
from django.db import InterfaceError, OperationalError, connections

from catalog.errors import ImportNotOver, UnreadableFile
from catalog.importing.problems import RowProblem
from catalog.importing.refused import refused_rows
from catalog.models import Import, ImportStatus, RowError
from catalog.models.imports import OPEN
from catalog.services.imports import WRITING, ImportOptions, ImportResult, Reached, import_file
from core.db import on_commit, transaction
from core.errors import NotFound
from messaging.nudges import EXTERNAL_QUEUE

TASK = "catalog.run_import"
FOUND_WHILE_WRITING = ("vin_taken", "sku_taken")
log = structlog.get_logger(__name__)


def start_import(
    *, file: "File[bytes]", options: ImportOptions, actor: str, now: datetime, dry_run: bool = False
) -> Import:
    """Keep an uploaded file and have a worker read it. The row is the promise; the message to the worker a hint."""
    with transaction("catalog"):
        run = Import(
            filename=(file.name or "")[:255],
            file=file,
            options=asdict(options),
            is_dry_run=dry_run,
            actor=actor,
            created_at=now,
        )
        run.save(force_insert=True)
        on_commit("catalog", lambda: _wake_worker(run.id))
    return run


def repeat_import(*, import_id: UUID, actor: str, now: datetime) -> Import:
    """Import for real what a dry run looked at, the same file with the same options. Raises NotFound, ImportNotOver."""
    tried = Import.objects.filter(pk=import_id).first()
    if tried is None:
        raise NotFound
    if not tried.is_dry_run or tried.status not in (ImportStatus.COMPLETED, ImportStatus.COMPLETED_WITH_ERRORS):
        raise ImportNotOver
    with tried.file.open("rb") as stored:
        return start_import(
            file=File(stored, tried.filename), options=ImportOptions(**tried.options), actor=actor, now=now
        )


def _wake_worker(import_id: UUID) -> None:
    try:
        current_app.send_task(TASK, [str(import_id)], queue=EXTERNAL_QUEUE, retry=False, ignore_result=True)
    except Exception as error:
        log.warning("nudge_lost", task=TASK, error=repr(error))


def refused_rows_of(*, import_id: UUID) -> Iterator[list[str]]:
    """Header and rows of a CSV of what an import refused, as it stood in the file. Raises NotFound."""
    run = Import.objects.filter(pk=import_id).first()
    if run is None:
        raise NotFound
    if not run.file:
        return iter([[*RowProblem._fields]])
    rows = RowError.objects.filter(source=run).order_by("row", "id")
    fields = rows.values_list("row", "line", "field", "code", "detail").iterator()
    problems = (RowProblem(*row) for row in fields)
    return refused_rows(Path(run.file.path), problems, encoding=run.options.get("encoding", ""))


def open_imports() -> list[UUID]:
    """Imports that wait, or whose worker may have died."""
    return list(Import.objects.filter(status__in=OPEN).order_by("pk").values_list("pk", flat=True))


def run_import(*, import_id: UUID, now: datetime) -> bool:
    """Carry out a waiting import, or one that a dead worker left; return whether it was ours to do.

    A session lock that dies with its connection keeps two workers apart; a second reading changes nothing.
    """
    with connections["catalog"].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 1))", [str(import_id)])
        (is_mine,) = cursor.fetchone()
    if not is_mine:
        return False
    try:
        return _run(import_id, now)
    finally:
        if connections["catalog"].is_usable():
            with connections["catalog"].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 1))", [str(import_id)])


def _run(import_id: UUID, now: datetime) -> bool:
    run = Import.objects.filter(pk=import_id, status__in=OPEN).first()
    if run is None:
        return False
    _begin(run, now)
    try:
        result = import_file(
            Path(run.file.path),
            options=ImportOptions(**run.options),
            actor=run.actor,
            now=now,
            dry_run=run.is_dry_run,
            progress=_Meter(run),
            refuse=lambda problems: _keep_errors(run, problems),
            reached=Reached(run.written_to, dict(run.written)),
            keep=lambda reached: _keep_reached(run, reached),
        )
    except UnreadableFile as error:
        _fail(run, str(error.extra["reason"]), error.detail, now)
    except (OperationalError, InterfaceError):
        raise  # the database went away: the import stays open and is begun again
    except Exception:
        _fail(run, "internal_error", "Something went wrong on our side.", now)
        raise
    else:
        _finish(run, result, now)
    return True


def _begin(run: Import, now: datetime) -> None:
    with transaction("catalog"):
        # those found while reading are found again; those found while writing are not, up to where it came
        RowError.objects.filter(source=run).exclude(row__lte=run.written_to, code__in=FOUND_WHILE_WRITING).delete()
        run.status, run.started_at, run.progress = ImportStatus.RUNNING, now, 0
        run.save(update_fields=["status", "started_at", "progress"])


def _keep_reached(run: Import, reached: Reached) -> None:
    run.written_to, run.written = reached.row, dict(reached.counts)
    run.save(update_fields=["written_to", "written"])


def _keep_errors(run: Import, problems: Iterable[RowProblem]) -> None:
    RowError.objects.bulk_create(
        RowError(
            source=run,
            row=item.row,
            line=item.line,
            field=item.field,
            code=item.code,
            detail=item.detail[:255],
        )
        for item in problems
    )


def _fail(run: Import, code: str, detail: str, now: datetime) -> None:
    run.status, run.failure, run.finished_at = ImportStatus.FAILED, {"code": code, "detail": detail}, now
    run.save(update_fields=["status", "failure", "finished_at"])


def _finish(run: Import, result: ImportResult, now: datetime) -> None:
    run.status = ImportStatus.COMPLETED_WITH_ERRORS if result.rows_failed else ImportStatus.COMPLETED
    run.progress, run.finished_at = 100, now
    for name, value in vars(result).items():
        setattr(run, name, value)
    run.save()


class _Meter:
    """Shows progress in the import's row, a per cent at a time: reading is the first half, writing the second."""

    def __init__(self, run: Import) -> None:
        self.run = run

    def __call__(self, stage: str, done: int, total: int) -> None:
        share = done / total if total else 1.0
        percent = min(99, int(50 * share) + (50 if stage == WRITING else 0))
        if percent > self.run.progress:
            self.run.progress = percent
            self.run.save(update_fields=["progress"])
