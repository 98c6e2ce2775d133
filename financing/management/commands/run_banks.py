"""Runs the banks' twins."""

from typing import Any
from urllib.parse import urlsplit

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from financing.twins.app import Twins
from financing.twins.book import Book, FaultScript


class Command(BaseCommand):
    """`manage.py run_banks`: banks that lend nothing, for debug only."""

    help = "Run the banks' twins at AUTOSALON_BANKS_URL (debug only)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("--port", type=int, help="port, instead of the one of AUTOSALON_BANKS_URL")
        parser.add_argument("--faults", type=float, default=0.0, help="share of the questions that go wrong, 0 to 1")
        parser.add_argument("--seed", type=int, default=0, help="which questions go wrong, and how")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until stopped."""
        if not settings.DEBUG:
            raise CommandError("the twins lend nothing: they run in debug only (AUTOSALON_DEBUG=on)")
        address = urlsplit(settings.BANKS_URL)
        script = FaultScript(options["seed"], options["faults"])
        book = Book(settings.DATA_DIR / "banks" / "book.sqlite3", script=script)
        uvicorn.run(
            Twins(book, silent_s=settings.PROVIDER_TIMEOUT_S + 5),
            host=address.hostname or "127.0.0.1",
            port=options["port"] or address.port or 80,
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=2,
        )
