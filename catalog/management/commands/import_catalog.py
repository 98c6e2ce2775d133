"""Import a price list: `manage.py import_catalog FILE [--mapping FILE.json] [--dry-run]`."""

import argparse
import csv
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from catalog.errors import UnreadableFile
from catalog.importing.problems import RowProblem
from catalog.services.imports import READING, WRITING, ImportOptions, ImportResult, import_file, read_mapping
from core.money import DEFAULT_CURRENCY

SHOWN = 100


class Command(BaseCommand):
    help = "Import a price list of vehicles from CSV or CSV.gz; run twice, it changes nothing the second time."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="CSV or CSV.gz in UTF-8 or Windows-1251")
        parser.add_argument("--mapping", type=Path, help="JSON file {column header: field}")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, write nothing")
        parser.add_argument("--currency", default=DEFAULT_CURRENCY, help="of prices without one (RUB)")
        parser.add_argument(
            "--default", action="append", default=[], metavar="FIELD=VALUE", help="for a missing column"
        )
        parser.add_argument("--encoding", default="", help="instead of finding it")
        parser.add_argument("--errors", type=Path, help="write every refused row to this CSV file")

    def handle(self, *args: Any, **options: Any) -> None:
        report = _Report(options["errors"])
        try:
            result = self._import(options, report)
        except (UnreadableFile, OSError) as error:
            raise CommandError(f"{options['file']}: {getattr(error, 'detail', error)} Nothing was imported.") from error
        finally:
            report.close()
        report.show(self.stdout)
        self.stdout.write(_summary(result, dry_run=options["dry_run"]))

    def _import(self, options: dict[str, Any], report: "_Report") -> ImportResult:
        chosen = ImportOptions(
            mapping=read_mapping(options["mapping"].read_text()) if options["mapping"] else {},
            currency=_currency(options["currency"]),
            defaults=dict(_pair(text) for text in options["default"]),
            encoding=options["encoding"],
        )
        with _bars(hidden=options["verbosity"] == 0) as bars:
            tasks = {READING: bars.add_task("reading, kB", total=None), WRITING: bars.add_task("writing", total=None)}

            def progress(stage: str, done: int, total: int) -> None:
                unit = 1000 if stage == READING else 1
                bars.update(tasks[stage], completed=done // unit, total=total // unit)

            return import_file(
                options["file"],
                options=chosen,
                actor="import_catalog",
                now=timezone.now(),
                dry_run=options["dry_run"],
                progress=progress,
                refuse=report.add,
            )


class _Report:
    """Refused rows: the first hundred for the screen, all of them for `--errors`."""

    def __init__(self, path: Path | None) -> None:
        self.first: list[RowProblem] = []
        self.count = 0
        self.file = path.open("w", newline="") if path else None
        self.writer = csv.writer(self.file) if self.file else None
        if self.writer:
            self.writer.writerow(RowProblem._fields)

    def add(self, problems: list[RowProblem]) -> None:
        self.count += len(problems)
        self.first += problems[: SHOWN - len(self.first)]
        if self.writer:
            self.writer.writerows(problems)

    def close(self) -> None:
        if self.file:
            self.file.close()

    def show(self, output: Any) -> None:
        for item in self.first:
            field = f"{item.field}: " if item.field else ""
            output.write(f"refused row {item.row} (line {item.line}), {field}{item.code}. {item.detail}")
        if self.count > len(self.first):
            output.write(f"… and {self.count - len(self.first)} more; --errors FILE writes them all.")


def _bars(*, hidden: bool) -> Progress:
    columns = (TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), disable=hidden)


def _summary(result: ImportResult, *, dry_run: bool) -> str:
    lines = [f"{result.rows_ok} good, {result.rows_failed} refused of {result.rows_total} rows"]
    verb = "would be " if dry_run else ""
    lines.append(
        f"{result.created} {verb}created, {result.updated} {verb}updated, {result.unchanged} unchanged, "
        f"{result.repeated} repeated in the file"
    )
    return "\n".join(lines)


def _pair(text: str) -> tuple[str, str]:
    name, is_pair, value = text.partition("=")
    if not is_pair:
        raise CommandError(f"--default {text}: write FIELD=VALUE")
    return name.strip(), value.strip()


def _currency(text: str) -> str:
    if not (len(text) == 3 and text.isascii() and text.isalpha()):
        raise CommandError(f"--currency {text}: three letters, as in RUB")
    return text.upper()
