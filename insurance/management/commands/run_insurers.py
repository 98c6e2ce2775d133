"""Runs the insurers' twins."""

from pathlib import Path
from typing import Any

from core.twins import TwinCommand
from insurance.twins.app import Twins
from insurance.twins.book import Book


class Command(TwinCommand):
    """`manage.py run_insurers`: insurers that insure nobody, for debug only."""

    help = "Run the insurers' twins at AUTOSALON_INSURERS_URL (debug only)."
    url_setting = "INSURERS_URL"

    def make(self, folder: Path, silent_s: float, **options: Any) -> Twins:
        """All insurers at one address."""
        return Twins(Book(folder / "insurers" / "book.sqlite3"), silent_s=silent_s)
