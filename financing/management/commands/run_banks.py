"""Runs the banks' twins."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from core.twins import TwinCommand
from financing.twins.app import Twins
from financing.twins.book import Book, FaultScript


class Command(TwinCommand):
    """`manage.py run_banks`: banks that lend nothing, for debug only."""

    help = "Run the banks' twins at AUTOSALON_BANKS_URL (debug only)."
    url_setting = "BANKS_URL"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        super().add_arguments(parser)
        parser.add_argument("--faults", type=float, default=0.0, help="share of the questions that go wrong, 0 to 1")
        parser.add_argument("--seed", type=int, default=0, help="which questions go wrong, and how")

    def make(self, folder: Path, silent_s: float, **options: Any) -> Twins:
        """All banks at one address."""
        script = FaultScript(options["seed"], options["faults"])
        return Twins(Book(folder / "banks" / "book.sqlite3", script=script), silent_s=silent_s)
