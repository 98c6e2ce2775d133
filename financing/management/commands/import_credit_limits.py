"""Read a file of the quarter's limits of lending: averages of ПСК, shares by debt load, plans."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.errors import InvalidInput
from financing.queries.limit_files import read_limits
from financing.services import write_limits


class Command(BaseCommand):
    """`manage.py import_credit_limits limits.csv`: what was decided keeps the limits it was decided by."""

    help = "Import limits of lending from CSV: limit,bank,value,valid_from,valid_to,source."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the command line."""
        parser.add_argument("file", type=Path, help="one row a limit; an empty bank is every lender")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the file, whole or not at all; the same file again changes nothing."""
        path: Path = options["file"]
        try:
            facts = list(read_limits(path))
            written = write_limits(facts=facts, now=timezone.now())
        except InvalidInput as error:
            raise CommandError(f"{path}: {error.errors[0]['field']}: {error.detail}") from error
        except (OSError, ValueError) as error:
            raise CommandError(f"{path}: {error}") from error
        self.stdout.write(f"{written.added} limits added, {written.withdrawn} withdrawn, {len(facts)} read")
