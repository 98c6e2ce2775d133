"""Runs the sandbox payment provider."""

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from sandbox.bank.app import Bank, Options
from sandbox.bank.faults import FaultScript
from sandbox.framework import SandboxCommand


class Command(SandboxCommand):
    """`manage.py run_sandbox`: a provider that takes no real money, for debug only."""

    help = "Run the sandbox payment provider at AUTOSALON_SANDBOX_URL (debug only)."
    url_setting = "SANDBOX_URL"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        super().add_arguments(parser)
        bad_day = "a bad day, as script/seed: `storm/7` (every fault, a share of 0.15), `storm:0.3/7`, or shares by "
        bad_day += "name, `lose_answer:0.2,repeat:0.5/7`; AUTOSALON_SANDBOX_FAULTS by default"
        parser.add_argument("--faults", default=settings.SANDBOX_FAULTS, help=bad_day)

    def make(self, folder: Path, address: SplitResult, **options: Any) -> Bank:
        """Make the bank, with webhooks to this shop. Raises CommandError for faults nobody knows."""
        try:
            faults = FaultScript.read(options["faults"])
        except ValueError as error:
            raise CommandError(f"--faults: {error}") from error
        return Bank(
            Options(
                store=folder / "sandbox" / "book.sqlite3",
                public_url=f"{address.scheme}://{address.netloc}",
                webhook_url=f"{settings.PUBLIC_URL.rstrip('/')}/api/v1/payments/webhooks/sandbox",
                webhook_secret=settings.SANDBOX_WEBHOOK_SECRET,
                late_s=settings.PROVIDER_TIMEOUT_S + 20,
                faults=faults,
            )
        )
