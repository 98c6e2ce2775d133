"""Import a price list: `manage.py import_catalog FILE [--mapping FILE.json] [--dry-run] [--errors FILE.csv]`."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from catalog.importing.columns import SYNONYMS
from catalog.services.imports import ImportOptions, ImportResult, import_file, read_rates
from core.importing.columns import read_mapping
from core.importing.console import ProgressBars, Report
from core.importing.problems import UnreadableFile
from core.money import DEFAULT_CURRENCY

WARNINGS = {
    "price_low": "have a price too low for a vehicle: thousands lost?",
    "vin_check_digit": "have a VIN with a wrong check digit",
    "vin_not_whole": "have a masked or broken VIN, which was left out",
}


class Command(BaseCommand):
    help = "Import a price list of vehicles from CSV, CSV.gz or XLSX; run twice, it changes nothing the second time."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="CSV or CSV.gz in UTF-8, Windows-1251 or 1252; XLSX")
        parser.add_argument("--mapping", type=Path, help="JSON file {column header: field} or {field: [headers]}")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, write nothing")
        parser.add_argument("--currency", default=DEFAULT_CURRENCY, help="of prices without one (RUB)")
        parser.add_argument(
            "--default", action="append", default=[], metavar="FIELD=VALUE", help="for a missing column"
        )
        parser.add_argument(
            "--rate", action="append", default=[], metavar="CURRENCY=RATE", help="convert prices in it; others are kept"
        )
        parser.add_argument("--into", default=DEFAULT_CURRENCY, help="what --rate converts to (RUB)")
        parser.add_argument("--miles-to-km", action="store_true", help="mileages are in miles: convert them")
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
            currency=_currency(options["currency"]),
            defaults=dict(_pair(text, "--default") for text in options["default"]),
            encoding=options["encoding"],
            into=_currency(options["into"]),
            rates=read_rates(dict(_pair(text, "--rate") for text in options["rate"])),
            miles_to_km=options["miles_to_km"],
        )
        with ProgressBars(hidden=options["verbosity"] == 0) as bars:
            return import_file(
                options["file"],
                options=chosen,
                actor="import_catalog",
                now=timezone.now(),
                dry_run=options["dry_run"],
                progress=bars,
                refuse=report.add,
            )


def _summary(result: ImportResult, *, dry_run: bool) -> str:
    lines = [f"{result.rows_ok} good, {result.rows_failed} refused of {result.rows_total} rows"]
    verb = "would be " if dry_run else ""
    lines.append(
        f"{result.created} {verb}created, {result.updated} {verb}updated, {result.unchanged} unchanged, "
        f"{result.repeated} repeated in the file"
    )
    lines += [f"warning: {count} rows {WARNINGS[code]}" for code, count in sorted(result.warnings.items())]
    return "\n".join(lines)


def _pair(text: str, option: str) -> tuple[str, str]:
    name, is_pair, value = text.partition("=")
    if not is_pair:
        raise CommandError(f"{option} {text}: write NAME=VALUE")
    return name.strip(), value.strip()


def _currency(text: str) -> str:
    if not (len(text) == 3 and text.isascii() and text.isalpha()):
        raise CommandError(f"--currency {text}: three letters, as in RUB")
    return text.upper()
