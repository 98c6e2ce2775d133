"""Import a list of clients: `manage.py import_clients FILE [--mapping FILE.json] [--dry-run] [--errors FILE.csv]`."""

import argparse
from typing import Any

from django.utils import timezone

from clients.rules.importing.columns import SYNONYMS
from clients.services import ImportOptions, ImportResult, import_file
from core.importing.command import ImportCommand


class Command(ImportCommand):
    help = "Import clients from CSV, CSV.gz or XLSX; run twice, it changes nothing the second time."
    synonyms = SYNONYMS

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--overwrite", action="store_true", help="replace what cards say; else fill what is blank")

    def carry_out(self, options: dict[str, Any], reading: dict[str, Any], **watchers: Any) -> ImportResult:
        return import_file(
            options["file"],
            options=ImportOptions(overwrite=options["overwrite"], **reading),
            now=timezone.now(),
            dry_run=options["dry_run"],
            **watchers,
        )
