"""Imports of price lists: accepted, read to the end, and only then written, so that a broken file changes nothing."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from celery import current_app
from django.conf import settings
from django.core.files import File
from django.db import InterfaceError, OperationalError, connections, reset_queries

from catalog.errors import UnreadableFile
from catalog.importing.columns import SYNONYMS, find_columns
from catalog.importing.limits import Limits, Row
from catalog.importing.problems import RowProblem, Unreadable
from catalog.importing.reader import Table, open_table
from catalog.importing.refused import refused_rows
from catalog.importing.rows import Listing, RowParser, Units
from catalog.importing.values import number
from catalog.models import Import, ImportStatus, RowError
from catalog.models.imports import OPEN
from catalog.services.listings import CHUNK, Plan, Staging, plan_listings, write_listings
from core.db import on_commit, transaction
from core.errors import NotFound
from core.money import DEFAULT_CURRENCY
from messaging.nudges import EXTERNAL_QUEUE

TASK = "catalog.run_import"
FOUND_WHILE_WRITING = ("vin_taken", "sku_taken")
READING, WRITING = "reading", "writing"
Progress = Callable[[str, int, int], None]
Refuse = Callable[[list[RowProblem]], None]
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ImportOptions:
    """How a file is read.

    `mapping` is {header: field} or {field: [headers]}; `defaults` are values for missing columns; `currency` is that
    of prices without one. Prices in the currencies of `rates` are converted into `into`, mileages from miles into
    kilometres with `miles_to_km`; without these they are kept as they are.
    """

    mapping: Mapping[str, Any] = field(default_factory=dict)
    currency: str = DEFAULT_CURRENCY
    defaults: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    into: str = DEFAULT_CURRENCY
    rates: Mapping[str, str] = field(default_factory=dict)
    miles_to_km: bool = False

    @property
    def units(self) -> Units:
        """The part about numbers."""
        rates = {currency: Decimal(rate) for currency, rate in self.rates.items()}
        return Units(self.currency, self.into, rates, self.miles_to_km)


@dataclass
class ImportResult:
    """What an import came to, in rows; `created + updated + unchanged + repeated = rows_ok`.

    `warnings` is {code: rows} of good rows that look odd: a VIN that is not whole or has a wrong check digit, a price
    too low for a vehicle.
    """

    rows_total: int = 0
    rows_ok: int = 0
    rows_failed: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    warnings: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, count: int) -> None:
        """Add to one of the counts."""
        setattr(self, name, getattr(self, name) + count)


@dataclass
class Reached:
    """How far an import had been written when it stopped: the last row, and what had come of those before."""

    row: int = 0
    counts: dict[str, int] = field(default_factory=dict)


def read_mapping(text: str) -> dict[str, Any]:
    """A mapping from JSON: {header: field} or {field: [headers]}. Raises UnreadableFile."""
    try:
        mapping = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableFile("The mapping is not valid JSON.") from error
    if not isinstance(mapping, dict) or not all(map(_is_target, mapping.values())):
        raise UnreadableFile("The mapping is an object: {column header: field} or {field: [column headers]}.")
    unknown = [
        f"{left}: {right}" for left, right in mapping.items() if left not in SYNONYMS and right not in [*SYNONYMS]
    ]
    if unknown:
        raise UnreadableFile(f"The mapping names no known field: {', '.join(unknown)[:200]}.")
    return mapping


def _is_target(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)
    )


def read_rates(texts: Mapping[str, str]) -> dict[str, str]:
    """Rates of currencies, checked: {"USD": "92.5"} says that one dollar is 92.5. Raises UnreadableFile."""
    for currency, rate in texts.items():
        value = number(str(rate))
        if not (len(currency) == 3 and currency.isascii() and currency.isupper()) or value is None or value <= 0:
            raise UnreadableFile(f"{currency}={rate} is no rate: write a currency and a number above 0, as USD=92.5.")
    return {currency: str(number(str(rate))) for currency, rate in texts.items()}


def import_file(
    path: Path,
    *,
    options: ImportOptions,
    actor: str,
    now: datetime,
    dry_run: bool = False,
    progress: Progress = lambda stage, done, total: None,
    refuse: Refuse = lambda problems: None,
    reached: Reached | None = None,
    keep: Callable[[Reached], None] = lambda reached: None,
) -> ImportResult:
    """Read a whole file, then write its good rows; `refuse` is given the bad ones as they are found.

    `keep` is told how far the writing is, in the transaction that wrote it; given back as `reached`, the import goes
    on from there.

    Of rows with one identity the last decides, so a second run changes nothing. Raises UnreadableFile, having
    written nothing. With `dry_run` nothing is written at all.
    """
    staging = Staging()
    try:
        result = _read(path, staging, options, now, progress, refuse)
        distinct = staging.count()
        result.repeated = result.rows_ok - distinct
        so_far = reached or Reached()
        for name, count in so_far.counts.items():
            result.add(name, count)
        for listings in staging.chunks(after=so_far.row):
            so_far.row = listings[-1].row
            if dry_run:
                plan = plan_listings(listings, actor=actor, now=now)
                refuse(plan.refused)
            else:
                plan = _write(listings, so_far, refuse, keep, actor=actor, now=now)
            for name, count in _counts(plan).items():
                result.add(name, count)
            reset_queries()  # in debug Django keeps every statement: memory must not grow with the file
            progress(WRITING, result.created + result.updated + result.unchanged, distinct)
    finally:
        if connections["catalog"].is_usable():
            staging.drop()
    return result


def _write(
    listings: list[Listing],
    so_far: Reached,
    refuse: Refuse,
    keep: Callable[[Reached], None],
    *,
    actor: str,
    now: datetime,
) -> Plan:
    def written(plan: Plan) -> None:
        for name, count in _counts(plan).items():
            so_far.counts[name] = so_far.counts.get(name, 0) + count
        refuse(plan.refused)
        keep(so_far)

    return write_listings(listings, actor=actor, now=now, written=written)


def _counts(plan: Plan) -> dict[str, int]:
    return {
        "created": len(plan.created),
        "updated": len(plan.updated),
        "unchanged": plan.unchanged,
        "rows_failed": len(plan.refused),
        "rows_ok": -len(plan.refused),
    }


def _read(
    path: Path, staging: Staging, options: ImportOptions, now: datetime, progress: Progress, refuse: Refuse
) -> ImportResult:
    result = ImportResult()
    try:
        with open_table(path, limits=_limits(), encoding=options.encoding) as table:
            columns = find_columns(table.header, mapping=options.mapping, defaults=options.defaults)
            parser = RowParser(columns, max_year=now.year + 1, units=options.units)
            for parsed in _parsed(table, parser):
                good = [item for item in parsed if isinstance(item, Listing)]
                bad = [item for item in parsed if isinstance(item, RowProblem)]
                staging.add(good)
                refuse(bad)
                for code in (code for item in good for code in item.warnings):
                    result.warnings[code] = result.warnings.get(code, 0) + 1
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


# Imports that run in the background --------------------------------------------------------------------------------
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
