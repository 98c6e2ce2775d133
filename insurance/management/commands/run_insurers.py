"""Runs the insurers' twins."""

from typing import Any
from urllib.parse import urlsplit

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from insurance.twins.app import Twins
from insurance.twins.book import Book


class Command(BaseCommand):
    """`manage.py run_insurers`: insurers that insure nobody, for debug only."""

    help = "Run the insurers' twins at AUTOSALON_INSURERS_URL (debug only)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("--port", type=int, help="port, instead of the one of AUTOSALON_INSURERS_URL")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until stopped."""
        if not settings.DEBUG:
            raise CommandError("the twins insure nobody: they run in debug only (AUTOSALON_DEBUG=on)")
        address = urlsplit(settings.INSURERS_URL)
        twins = Twins(Book(settings.DATA_DIR / "insurers" / "book.sqlite3"), silent_s=settings.PROVIDER_TIMEOUT_S + 5)
        port = options["port"] or address.port or 80
        uvicorn.run(
            twins,
            host=address.hostname or "127.0.0.1",
            port=port,
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=2,
        )
