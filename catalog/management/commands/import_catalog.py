"""Import a price list: `manage.py import_catalog FILE [--mapping FILE.json] [--dry-run] [--errors FILE.csv]`."""

import argparse
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from catalog.rules.importing.columns import SYNONYMS
from catalog.services.imports import ImportOptions, ImportResult, import_file, read_rates
from core.importing.command import ImportCommand, pair
from core.money import DEFAULT_CURRENCY

WARNINGS = {
    "price_low": "have a price too low for a vehicle: thousands lost?",
    "vin_check_digit": "have a VIN with a wrong check digit",
    "vin_not_whole": "have a masked or broken VIN, which was left out",
}


class Command(ImportCommand):
    help = "Import a price list of vehicles from CSV, CSV.gz or XLSX; run twice, it changes nothing the second time."
    synonyms = SYNONYMS

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--currency", default=DEFAULT_CURRENCY, help="of prices without one (RUB)")
        parser.add_argument(
            "--rate", action="append", default=[], metavar="CURRENCY=RATE", help="convert prices in it; others are kept"
        )
        parser.add_argument("--into", default=DEFAULT_CURRENCY, help="what --rate converts to (RUB)")
        parser.add_argument("--miles-to-km", action="store_true", help="mileages are in miles: convert them")

    def carry_out(self, options: dict[str, Any], reading: dict[str, Any], **watchers: Any) -> ImportResult:
        chosen = ImportOptions(
            currency=_currency(options["currency"]),
            into=_currency(options["into"]),
            rates=read_rates(dict(pair(text, "--rate") for text in options["rate"])),
            miles_to_km=options["miles_to_km"],
            **reading,
        )
        return import_file(
            options["file"],
            options=chosen,
            actor="import_catalog",
            now=timezone.now(),
            dry_run=options["dry_run"],
            **watchers,
        )

    def warn(self, result: ImportResult) -> None:
        for code, count in sorted(result.warnings.items()):
            self.stdout.write(f"warning: {count} rows {WARNINGS[code]}")


def _currency(text: str) -> str:
    if not (len(text) == 3 and text.isascii() and text.isalpha()):
        raise CommandError(f"--currency {text}: three letters, as in RUB")
    return text.upper()
