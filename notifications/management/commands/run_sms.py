"""Runs the twin of an SMS gateway."""

from typing import Any
from urllib.parse import urlsplit

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifications.twins.app import SmsTwin
from notifications.twins.book import Book


class Command(BaseCommand):
    """`manage.py run_sms`: a gateway that reaches nobody, for debug only."""

    help = "Run the twin of an SMS gateway at AUTOSALON_SMS_URL (debug only)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("--port", type=int, help="port, instead of the one of AUTOSALON_SMS_URL")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until stopped."""
        if not settings.DEBUG:
            raise CommandError("the twin reaches nobody: it runs in debug only (AUTOSALON_DEBUG=on)")
        address = urlsplit(settings.SMS_URL)
        twin = SmsTwin(Book(settings.DATA_DIR / "sms" / "book.sqlite3"), silent_s=settings.PROVIDER_TIMEOUT_S + 5)
        uvicorn.run(
            twin,
            host=address.hostname or "127.0.0.1",
            port=options["port"] or address.port or 80,
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=2,
        )
