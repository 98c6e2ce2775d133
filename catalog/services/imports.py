"""Imports of price lists: accepted, read to the end, and only then written, so that a broken file changes nothing."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from uuid import UUID

import structlog
from celery import current_app
from django.conf import settings
from django.core.files import File
from django.db import InterfaceError, OperationalError, connections, reset_queries

from catalog.errors import UnreadableFile
from catalog.importing.columns import SYNONYMS, find_columns
from catalog.importing.problems import RowProblem, Unreadable
from catalog.importing.reader import Limits, Row, Table, open_table
from catalog.importing.rows import Listing, RowParser
from catalog.models import Import, ImportStatus, RowError
from catalog.models.imports import OPEN
from catalog.services.listings import CHUNK, Plan, Staging, plan_listings, write_listings
from core.db import on_commit, transaction
from core.money import DEFAULT_CURRENCY
from messaging.nudges import EXTERNAL_QUEUE

TASK = "catalog.run_import"
READING, WRITING = "reading", "writing"
Progress = Callable[[str, int, int], None]
Refuse = Callable[[list[RowProblem]], None]
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ImportOptions:
    """How a file is read: {header: field}, the currency of prices without one, values for missing columns."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    currency: str = DEFAULT_CURRENCY
    defaults: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""


@dataclass
class ImportResult:
    """What an import came to, in rows; `created + updated + unchanged + repeated = rows_ok`."""

    rows_total: int = 0
    rows_ok: int = 0
    rows_failed: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0


def read_mapping(text: str) -> dict[str, str]:
    """A mapping from JSON: {header: field}. Raises UnreadableFile."""
    try:
        mapping = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableFile("The mapping is not valid JSON.") from error
    if not isinstance(mapping, dict) or not all(isinstance(value, str) for value in mapping.values()):
        raise UnreadableFile("The mapping is an object: {column header: field}.")
    unknown = [f"{left}: {right}" for left, right in mapping.items() if not {left, right} & SYNONYMS.keys()]
    if unknown:
        raise UnreadableFile(f"The mapping names no known field: {', '.join(unknown)[:200]}.")
    return mapping


def import_file(
    path: Path,
    *,
    options: ImportOptions,
    actor: str,
    now: datetime,
    dry_run: bool = False,
    progress: Progress = lambda stage, done, total: None,
    refuse: Refuse = lambda problems: None,
) -> ImportResult:
    """Read a whole file, then write its good rows; `refuse` is given the bad ones as they are found.

    Of rows with one identity the last decides, so a second run changes nothing. Raises UnreadableFile, having
    written nothing. With `dry_run` nothing is written at all.
    """
    staging = Staging()
    try:
        result = _read(path, staging, options, now, progress, refuse)
        distinct = staging.count()
        result.repeated = result.rows_ok - distinct
        for listings in staging.chunks():
            plan = (plan_listings if dry_run else write_listings)(listings, actor=actor, now=now)
            _count(result, plan, refuse)
            reset_queries()  # in debug Django keeps every statement: memory must not grow with the file
            progress(WRITING, result.created + result.updated + result.unchanged, distinct)
    finally:
        if connections["catalog"].is_usable():
            staging.drop()
    return result


def _read(
    path: Path, staging: Staging, options: ImportOptions, now: datetime, progress: Progress, refuse: Refuse
) -> ImportResult:
    result = ImportResult()
    try:
        with open_table(path, limits=_limits(), encoding=options.encoding) as table:
            columns = find_columns(table.header, mapping=options.mapping, defaults=options.defaults)
            parser = RowParser(columns, max_year=now.year + 1, currency=options.currency)
            for parsed in _parsed(table, parser):
                good = [item for item in parsed if isinstance(item, Listing)]
                bad = [item for item in parsed if isinstance(item, RowProblem)]
                staging.add(good)
                refuse(bad)
                result.rows_total += len(parsed)
                result.rows_ok += len(good)
                result.rows_failed += len(bad)
                reset_queries()
                progress(READING, table.position, table.size)
    except Unreadable as error:
        raise UnreadableFile(error.detail, reason=error.code) from error
    return result


def _limits() -> Limits:
    return Limits(
        max_bytes=getattr(settings, "IMPORT_MAX_BYTES", Limits.max_bytes),
        max_ratio=getattr(settings, "IMPORT_MAX_RATIO", Limits.max_ratio),
    )


def _parsed(table: Table, parser: RowParser) -> Iterator[list[Listing | RowProblem]]:
    rows: Iterator[Row] = table.rows()
    while chunk := list(islice(rows, CHUNK)):
        yield [parser.parse(row) for row in chunk]


def _count(result: ImportResult, plan: Plan, refuse: Refuse) -> None:
    result.created += len(plan.created)
    result.updated += len(plan.updated)
    result.unchanged += plan.unchanged
    result.rows_ok -= len(plan.refused)
    result.rows_failed += len(plan.refused)
    refuse(plan.refused)


# Imports that run in the background --------------------------------------------------------------------------------
def start_import(*, file: "File[bytes]", options: ImportOptions, actor: str, now: datetime) -> Import:
    """Keep an uploaded file and have a worker read it. The row is the promise; the message to the worker a hint."""
    with transaction("catalog"):
        run = Import(
            filename=(file.name or "")[:255],
            file=file,
            options={"mapping": dict(options.mapping), "currency": options.currency},
            actor=actor,
            created_at=now,
        )
        run.save(force_insert=True)
        on_commit("catalog", lambda: _wake_worker(run.id))
    return run


def _wake_worker(import_id: UUID) -> None:
    try:
        current_app.send_task(TASK, [str(import_id)], queue=EXTERNAL_QUEUE, retry=False, ignore_result=True)
    except Exception as error:
        log.warning("nudge_lost", task=TASK, error=repr(error))


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
    options = ImportOptions(mapping=run.options["mapping"], currency=run.options["currency"])
    try:
        result = import_file(
            Path(run.file.path),
            options=options,
            actor=run.actor,
            now=now,
            progress=_Meter(run),
            refuse=lambda problems: _keep_errors(run, problems),
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
        RowError.objects.filter(source=run).delete()
        run.status, run.started_at, run.progress = ImportStatus.RUNNING, now, 0
        run.save(update_fields=["status", "started_at", "progress"])


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
