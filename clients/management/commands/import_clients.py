"""Import a list of clients: `manage.py import_clients FILE [--mapping FILE.json] [--dry-run] [--errors FILE.csv]`."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from clients.importing.columns import SYNONYMS
from clients.services import ImportOptions, ImportResult, import_file
from core.importing.columns import read_mapping
from core.importing.console import ProgressBars, Report
from core.importing.problems import UnreadableFile


class Command(BaseCommand):
    help = "Import clients from CSV, CSV.gz or XLSX; run twice, it changes nothing the second time."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="CSV or CSV.gz in UTF-8, Windows-1251 or 1252; XLSX")
        parser.add_argument("--mapping", type=Path, help="JSON file {column header: field} or {field: [headers]}")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, write nothing")
        parser.add_argument(
            "--default", action="append", default=[], metavar="FIELD=VALUE", help="for a missing column"
        )
        parser.add_argument("--overwrite", action="store_true", help="replace what cards say; else fill what is blank")
        parser.add_argument("--encoding", default="", help="instead of finding it")
        parser.add_argument(
            "--errors",
            type=Path,
            help="write every refused row to this CSV file, with its reason; mend it and import it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = Report()
        try:
            result = self._import(options, report)
        except (UnreadableFile, OSError) as error:
            raise CommandError(f"{options['file']}: {getattr(error, 'detail', error)} Nothing was imported.") from error
        if options["errors"]:
            report.save(options["errors"], options["file"], encoding=options["encoding"])
        report.show(self.stdout)
        self.stdout.write(_summary(result, dry_run=options["dry_run"]))

    def _import(self, options: dict[str, Any], report: Report) -> ImportResult:
        chosen = ImportOptions(
            mapping=read_mapping(options["mapping"].read_text(), SYNONYMS) if options["mapping"] else {},
            defaults=dict(_pair(text) for text in options["default"]),
            encoding=options["encoding"],
            overwrite=options["overwrite"],
        )
        with ProgressBars(hidden=options["verbosity"] == 0) as bars:
            return import_file(
                options["file"],
                options=chosen,
                now=timezone.now(),
                dry_run=options["dry_run"],
                progress=bars,
                refuse=report.add,
            )


def _summary(result: ImportResult, *, dry_run: bool) -> str:
    verb = "would be " if dry_run else ""
    return (
        f"{result.rows_ok} good, {result.rows_failed} refused of {result.rows_total} rows\n"
        f"{result.created} {verb}created, {result.updated} {verb}updated, {result.unchanged} unchanged, "
        f"{result.repeated} repeated in the file"
    )


def _pair(text: str) -> tuple[str, str]:
    name, is_pair, value = text.partition("=")
    if not is_pair:
        raise CommandError(f"--default {text}: write NAME=VALUE")
    return name.strip(), value.strip()
