"""Read a file of production calendars: the days that a year's decree moved."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.errors import InvalidInput
from financing.queries.calendar_files import read_calendar_file
from financing.services import write_calendar


class Command(BaseCommand):
    """`manage.py import_work_calendar calendar.csv`: the decree of a year takes the place of the rule of the law."""

    help = "Import the working days of years from CSV: day,kind,source; kind is day_off or working."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the command line."""
        parser.add_argument("file", type=Path, help="one row a day that the decree of its year moved")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the file, whole or not at all; the same file again changes nothing."""
        path: Path = options["file"]
        try:
            years = read_calendar_file(path)
            written = write_calendar(years=years, now=timezone.now())
        except InvalidInput as error:
            raise CommandError(f"{path}: {error.errors[0]['field']}: {error.detail}") from error
        except (OSError, ValueError) as error:
            raise CommandError(f"{path}: {error}") from error
        self.stdout.write(f"{written.added} years added, {written.replaced} of them replaced, {len(years)} read")
