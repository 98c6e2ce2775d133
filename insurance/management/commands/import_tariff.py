"""Read a file of tariff rows into the next revision of the tariffs."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.errors import InvalidInput
from insurance.queries.tariff_files import read_facts
from insurance.rules.rating.tariffs import KT_SOURCE, SINCE_2022
from insurance.services import import_tariff


class Command(BaseCommand):
    """`manage.py import_tariff ref_osago_kt.csv.gz`: quotes already made keep the revision they were rated by."""

    help = "Import rows of insurance tariffs: КТ from CSV (region,city,kt), or rows of any table from JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the command line."""
        parser.add_argument("file", type=Path, help="*.csv or *.json, gzipped or not")
        parser.add_argument("--source", default="", help="where the values were read; stands in every breakdown")
        parser.add_argument(
            "--valid-from", type=date.fromisoformat, default=SINCE_2022, help="first day of the rows of a CSV file"
        )
        parser.add_argument("--note", default="", help="what changed, for the list of revisions")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the file, whole or not at all; the same file again changes nothing."""
        path: Path = options["file"]
        source = options["source"] or (KT_SOURCE if "osago_kt" in path.name else path.name)
        try:
            facts = list(read_facts(path, source=source, valid_from=options["valid_from"]))
            revision = import_tariff(facts=facts, note=options["note"] or f"Import of {path.name}", now=timezone.now())
        except InvalidInput as error:
            if error.errors[0]["code"] == "unchanged":
                self.stdout.write(f"nothing new: all {len(facts)} rows are in force already")
                return
            raise CommandError(f"{path}: {error.detail}") from error
        except (OSError, ValueError) as error:
            raise CommandError(f"{path}: {error}") from error
        self.stdout.write(
            f"revision {revision.number}: {revision.added} rows added, {revision.withdrawn} withdrawn, "
            f"{len(facts)} read"
        )
