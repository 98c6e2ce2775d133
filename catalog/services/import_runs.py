"""Imports that run in the background: accepted, carried out by a worker, taken up again when it died."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from django.core.files import File

from catalog.models import Import, RowError
from catalog.services.imports import ImportOptions, ImportResult, Reached, import_file
from core.files.kept import local_copy
from core.importing import runs
from messaging.delivery.queues import external_queue

TASK = "catalog.run_import"
FOUND_WHILE_WRITING = ("vin_taken", "sku_taken")


def start_import(
    *, file: "File[bytes]", options: ImportOptions, actor: str, now: datetime, dry_run: bool = False
) -> Import:
    """Keep an uploaded file and have a worker read it."""
    run = Import(
        filename=(file.name or "")[:255],
        file=file,
        options=asdict(options),
        is_dry_run=dry_run,
        actor=actor,
        created_at=now,
    )
    runs.promise(run, alias="catalog", task=TASK, queue=external_queue("catalog"))
    return run


def repeat_import(*, import_id: UUID, actor: str, now: datetime) -> Import:
    """Import for real what a dry run looked at, the same file with the same options. Raises NotFound, ImportNotOver."""
    tried = runs.tried(Import, import_id)
    with tried.file.open("rb") as stored:
        return start_import(
            file=File(stored, tried.filename), options=ImportOptions(**tried.options), actor=actor, now=now
        )


def run_import(*, import_id: UUID, now: datetime) -> bool:
    """Carry out a waiting import, or one that a dead worker left; return whether it was ours to do.

    A second reading changes nothing.
    """

    def work(run: Import) -> ImportResult:
        with local_copy(run.file) as path:
            return import_file(
                path,
                options=ImportOptions(**run.options),
                actor=run.actor,
                now=now,
                dry_run=run.is_dry_run,
                progress=runs.Meter(run),
                refuse=lambda problems: runs.store_refused_rows(RowError, run, problems),
                reached=Reached(run.written_to, dict(run.written)),
                store=lambda reached: _store_reached(run, reached),
            )

    return runs.carry_out(Import, import_id, alias="catalog", work=work, begin=_forget_found_again, now=now)


def _forget_found_again(run: Import) -> None:
    """Rows refused while reading are found again; those refused while writing are not, up to where it came."""
    RowError.objects.filter(source=run).exclude(row__lte=run.written_to, code__in=FOUND_WHILE_WRITING).delete()


def _store_reached(run: Import, reached: Reached) -> None:
    run.written_to, run.written = reached.row, dict(reached.counts)
    run.save(update_fields=["written_to", "written"])
