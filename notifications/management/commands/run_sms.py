"""Runs the twin of an SMS gateway."""

from pathlib import Path
from typing import Any

from core.twins import TwinCommand
from notifications.twins.app import SmsTwin
from notifications.twins.book import Book


class Command(TwinCommand):
    """`manage.py run_sms`: a gateway that reaches nobody, for debug only."""

    help = "Run the twin of an SMS gateway at AUTOSALON_SMS_URL (debug only)."
    url_setting = "SMS_URL"

    def make(self, folder: Path, silent_s: float, **options: Any) -> SmsTwin:
        """One gateway."""
        return SmsTwin(Book(folder / "sms" / "book.sqlite3"), silent_s=silent_s)
