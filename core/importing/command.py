"""Give import commands what they take and show: a file, how to read it, two progress bars, refused rows, counts."""

import argparse
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from django.core.management.base import BaseCommand, CommandError, no_translations

from core.importing.columns import read_mapping
from core.importing.console import ProgressBars, Report
from core.importing.problems import UnreadableFile


class Counts(Protocol):
    """Result of an import, in rows; `created + updated + unchanged + repeated = rows_ok`."""

    rows_total: int
    rows_ok: int
    rows_failed: int
    created: int
    updated: int
    unchanged: int
    repeated: int

    @property
    def columns(self) -> Mapping[str, str]:
        """{field: the headers it was found under}."""
        ...


class ImportCommand(BaseCommand):
    """Import a file by the same service as the API does; `synonyms` are the headers its columns are known by."""

    synonyms: Mapping[str, Any]
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="CSV or CSV.gz in UTF-8, Windows-1251 or 1252; XLSX")
        parser.add_argument("--mapping", type=Path, help="JSON file {column header: field} or {field: [headers]}")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, write nothing")
        parser.add_argument(
            "--default", action="append", default=[], metavar="FIELD=VALUE", help="for a missing column"
        )
        parser.add_argument("--encoding", default="", help="instead of finding it")
        parser.add_argument(
            "--errors",
            type=Path,
            help="write every refused row to this CSV file, with its reason; mend it and import it",
        )

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        report = Report()
        try:
            reading = {
                "mapping": read_mapping(options["mapping"].read_text(), self.synonyms) if options["mapping"] else {},
                "defaults": dict(pair(text, "--default") for text in options["default"]),
                "encoding": options["encoding"],
            }
            with ProgressBars(hidden=options["verbosity"] == 0) as bars:
                result = self.carry_out(options, reading, progress=bars, refuse=report.add)
        except (UnreadableFile, OSError) as error:
            raise CommandError(f"{options['file']}: {getattr(error, 'detail', error)} Nothing was imported.") from error
        if options["errors"]:
            report.save(options["errors"], options["file"], encoding=options["encoding"])
        report.show(self.stdout)
        self.stdout.write(_summary(result, dry_run=options["dry_run"]))
        self.warn(result)

    @abstractmethod
    def carry_out(self, options: dict[str, Any], reading: dict[str, Any], **watchers: Any) -> Counts:
        """Call the app's service. `reading` holds mapping, defaults and encoding, `watchers` progress and refuse."""

    def warn(self, result: Any) -> None:
        """Write what is odd about the rows taken, where the app looks for that."""


def pair(text: str, option: str) -> tuple[str, str]:
    """NAME=VALUE as two words. Raises CommandError."""
    name, is_pair, value = text.partition("=")
    if not is_pair:
        raise CommandError(f"{option} {text}: write NAME=VALUE")
    return name.strip(), value.strip()


def _summary(result: Counts, *, dry_run: bool) -> str:
    verb = "would be " if dry_run else ""
    found = ", ".join(f"{field}: {headers}" for field, headers in sorted(result.columns.items()))
    return (
        f"columns: {found}\n"
        f"{result.rows_ok} good, {result.rows_failed} refused of {result.rows_total} rows\n"
        f"{result.created} {verb}created, {result.updated} {verb}updated, {result.unchanged} unchanged, "
        f"{result.repeated} repeated in the file"
    )
