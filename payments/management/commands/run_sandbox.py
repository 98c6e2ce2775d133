"""Runs the sandbox payment provider."""

from typing import Any
from urllib.parse import urlsplit

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments.sandbox.app import Options, Sandbox
from payments.sandbox.faults import FaultScript


class Command(BaseCommand):
    """`manage.py run_sandbox`: a provider that takes no real money, for debug only."""

    help = "Run the sandbox payment provider at AUTOSALON_SANDBOX_URL (debug only)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("--port", type=int, help="port, instead of the one of AUTOSALON_SANDBOX_URL")
        bad_day = "a bad day, as script/seed: `storm/7` (every fault, a share of 0.15), `storm:0.3/7`, or shares by "
        bad_day += "name, `lose_answer:0.2,repeat:0.5/7`; AUTOSALON_SANDBOX_FAULTS by default"
        parser.add_argument("--faults", default=settings.SANDBOX_FAULTS, help=bad_day)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until stopped."""
        if not settings.DEBUG:
            raise CommandError("the sandbox takes no real money: it runs in debug only (AUTOSALON_DEBUG=on)")
        address = urlsplit(settings.SANDBOX_URL)
        port = options["port"] or address.port or 80
        try:
            faults = FaultScript.read(options["faults"])
        except ValueError as error:
            raise CommandError(f"--faults: {error}") from error
        sandbox = Sandbox(
            Options(
                book=settings.DATA_DIR / "sandbox" / "book.sqlite3",
                public_url=f"{address.scheme}://{address.hostname}:{port}",
                webhook_url=f"{settings.PUBLIC_URL.rstrip('/')}/api/v1/payments/webhooks/sandbox",
                webhook_secret=settings.SANDBOX_WEBHOOK_SECRET,
                late_s=settings.PROVIDER_TIMEOUT_S + 20,
                faults=faults,
            )
        )
        host = address.hostname or "127.0.0.1"
        uvicorn.run(
            sandbox,
            host=host,
            port=port,
            access_log=False,
            proxy_headers=False,
            log_level="warning",
            timeout_graceful_shutdown=2,
        )
