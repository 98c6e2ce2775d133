"""Runs the sandbox payment provider."""

from typing import Any
from urllib.parse import urlsplit

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments.sandbox.app import Options, Sandbox


class Command(BaseCommand):
    """`manage.py run_sandbox`: a provider that takes no real money, for debug only."""

    help = "Run the sandbox payment provider at AUTOSALON_SANDBOX_URL (debug only)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("--port", type=int, help="port, instead of the one of AUTOSALON_SANDBOX_URL")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until stopped."""
        if not settings.DEBUG:
            raise CommandError("the sandbox takes no real money: it runs in debug only (AUTOSALON_DEBUG=on)")
        address = urlsplit(settings.SANDBOX_URL)
        port = options["port"] or address.port or 80
        sandbox = Sandbox(
            Options(
                book=settings.DATA_DIR / "sandbox" / "book.sqlite3",
                public_url=f"{address.scheme}://{address.hostname}:{port}",
                webhook_url=f"{settings.PUBLIC_URL.rstrip('/')}/api/v1/payments/webhooks/sandbox",
                webhook_secret=settings.SANDBOX_WEBHOOK_SECRET,
                late_s=settings.PROVIDER_TIMEOUT_S + 20,
            )
        )
        host = address.hostname or "127.0.0.1"
        uvicorn.run(sandbox, host=host, port=port, access_log=False, log_level="warning", timeout_graceful_shutdown=2)
