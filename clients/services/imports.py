"""Imports of lists of clients: read to the end first, so that a broken file changes nothing, then written in chunks."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.files import File
from django.db import reset_queries
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from clients.models import ClientImport, ClientRowError
from clients.rules.importing.columns import find_columns
from clients.rules.importing.rows import Person, RowParser
from clients.services.incoming import ChangedMeanwhile, Seen, Taken, take_people
from core.db import on_commit, transaction
from core.files.kept import local_copy
from core.importing import runs
from core.importing.columns import Columns
from core.importing.problems import RowProblem, Unreadable, UnreadableFile
from core.importing.reader import Table, open_table
from core.importing.runs import READING, WRITING, Progress, Refuse, import_limits
from messaging.delivery.queues import external_queue

TASK = "clients.run_import"
CHUNK = 200
TRIES = 5
FOUND_WHILE_WRITING = ("several_clients",)
KEPT = timedelta(days=30)
"""How long an uploaded list is kept: whoever mends its refused rows does so within a month."""


@dataclass(frozen=True)
class ImportOptions:
    """Options for reading a list: `mapping` is {header: field} or {field: [headers]}, `defaults` fill missing columns.

    With `overwrite` its values replace those of the cards; else they only fill what is blank.
    """

    mapping: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    overwrite: bool = False


@dataclass
class ImportResult:
    """Result of an import, in rows; `created + updated + unchanged + repeated = rows_ok`.

    `columns` is {field: the headers it was found under}.
    """

    rows_total: int = 0
    rows_ok: int = 0
    rows_failed: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    columns: dict[str, str] = field(default_factory=dict)

    def add(self, counts: Mapping[str, int]) -> None:
        """Add to the counts."""
        for name, count in counts.items():
            setattr(self, name, getattr(self, name) + count)


@dataclass
class Reached:
    """Point that an import had reached when it stopped: the last row, and what had come of those before."""

    row: int = 0
    counts: dict[str, int] = field(default_factory=dict)


def import_file(
    path: Path,
    *,
    options: ImportOptions,
    now: datetime,
    actor_id: UUID | None = None,
    dry_run: bool = False,
    progress: Progress = lambda stage, done, total: None,
    refuse: Refuse = lambda problems: None,
    reached: Reached | None = None,
    store: Callable[[Reached], None] = lambda reached: None,
) -> ImportResult:
    """Read a whole list, then write its good rows; `refuse` is given the bad ones as they are found.

    `keep` is told how far the writing is, in the transaction that wrote it; given back as `reached`, the rows before
    are gone through again, which changes nothing, and not counted twice. Raises UnreadableFile, having written nothing.
    With `dry_run` nothing is written at all.
    """
    try:
        result = _check(path, options, progress, refuse)
        so_far = reached or Reached()
        result.add(so_far.counts)
        seen, done, good = Seen(), 0, result.rows_total - result.rows_failed
        with open_table(path, limits=import_limits(), encoding=options.encoding) as table:
            for parsed in _parsed(table, options):
                people = [item for item in parsed if isinstance(item, Person)]
                taken = _take(people, seen, options, so_far, refuse, store, now=now, actor_id=actor_id, dry_run=dry_run)
                result.add(taken)
                done += len(people)
                reset_queries()  # in debug Django keeps every statement: memory must not grow with the file
                progress(WRITING, done, good)
    except Unreadable as error:
        raise UnreadableFile(error.detail, reason=error.code) from error
    return result


def _check(path: Path, options: ImportOptions, progress: Progress, refuse: Refuse) -> ImportResult:
    result = ImportResult()
    with open_table(path, limits=import_limits(), encoding=options.encoding) as table:
        result.columns = _columns(table, options).found
        for parsed in _parsed(table, options):
            bad = [item for item in parsed if isinstance(item, RowProblem)]
            refuse(bad)
            result.add({"rows_total": len(parsed), "rows_failed": len(bad), "rows_ok": len(parsed) - len(bad)})
            progress(READING, table.position, table.size)
    return result


def _take(
    people: list[Person],
    seen: Seen,
    options: ImportOptions,
    so_far: Reached,
    refuse: Refuse,
    store: Callable[[Reached], None],
    *,
    now: datetime,
    actor_id: UUID | None,
    dry_run: bool,
) -> dict[str, int]:
    """Write a chunk, and what came of it; one that was written before a worker died is counted already."""
    if not people:
        return {}
    for _try in range(TRIES):
        with suppress(ChangedMeanwhile), transaction("clients"):
            taken = take_people(
                people, seen=seen, overwrite=options.overwrite, now=now, actor_id=actor_id, dry_run=dry_run
            )
            if people[-1].row <= so_far.row:
                return {}
            counts = _counts(taken)
            refuse(taken.refused)
            so_far.row = people[-1].row
            so_far.counts = {name: so_far.counts.get(name, 0) + count for name, count in counts.items()}
            if not dry_run:
                store(so_far)
            return counts
    raise UnreadableFile(_("The same clients are changed all the time by others."), reason="busy")


def _counts(taken: Taken) -> dict[str, int]:
    failed = len(taken.refused)
    return {**taken.counts, "rows_failed": failed, "rows_ok": -failed}


def _columns(table: Table, options: ImportOptions) -> Columns:
    return find_columns(table.header, mapping=options.mapping, defaults=options.defaults)


def _parsed(table: Table, options: ImportOptions) -> Iterator[list[Person | RowProblem]]:
    parser = RowParser(_columns(table, options))
    rows = table.rows()
    while chunk := list(islice(rows, CHUNK)):
        yield [parser.parse(row) for row in chunk]


# Imports that run in the background --------------------------------------------------------------------------------
def start_import(
    *, file: "File[bytes]", options: ImportOptions, actor_id: UUID, now: datetime, dry_run: bool = False
) -> ClientImport:
    """Keep an uploaded list and have a worker read it."""
    run = ClientImport(
        filename=(file.name or "")[:255],
        file=file,
        options=asdict(options),
        is_dry_run=dry_run,
        actor=str(actor_id),
        created_at=now,
    )
    runs.promise(run, alias="clients", task=TASK, queue=external_queue("clients"))
    return run


def repeat_import(*, import_id: UUID, actor_id: UUID, now: datetime) -> ClientImport:
    """Import for real what a dry run looked at, the same file with the same options. Raises NotFound, ImportNotOver."""
    tried = runs.tried(ClientImport, import_id)
    with tried.file.open("rb") as stored:
        file = File(stored, tried.filename)
        return start_import(file=file, options=ImportOptions(**tried.options), actor_id=actor_id, now=now)


def run_import(*, import_id: UUID, now: datetime) -> bool:
    """Carry out a waiting import, or one that a dead worker left; return whether it was ours to do."""

    def work(run: ClientImport) -> ImportResult:
        with local_copy(run.file) as path:
            return import_file(
                path,
                options=ImportOptions(**run.options),
                now=now,
                actor_id=UUID(run.actor),
                dry_run=run.is_dry_run,
                progress=runs.Meter(run, **{READING: (0, 15), WRITING: (15, 100)}),
                refuse=lambda problems: runs.store_refused_rows(ClientRowError, run, problems),
                reached=Reached(run.written_to, dict(run.written)),
                store=lambda reached: _store_reached(run, reached),
            )

    return runs.carry_out(ClientImport, import_id, alias="clients", work=work, begin=_forget_found_again, now=now)


def drop_files(imports: QuerySet[ClientImport]) -> None:
    """Drop the uploaded lists of imports once the open transaction has committed; what they wrote stays."""
    for run in imports.exclude(file=""):
        on_commit("clients", partial(run.file.storage.delete, str(run.file.name)))
        run.file = ""
        run.save(update_fields=["file"])


def _forget_found_again(run: ClientImport) -> None:
    """Rows refused while reading are found again; those refused while writing are not, up to where it came."""
    ClientRowError.objects.filter(source=run).exclude(row__lte=run.written_to, code__in=FOUND_WHILE_WRITING).delete()


def _store_reached(run: ClientImport, reached: Reached) -> None:
    run.written_to, run.written = reached.row, dict(reached.counts)
    run.save(update_fields=["written_to", "written"])
