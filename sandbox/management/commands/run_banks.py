"""Runs the lenders' sandbox."""

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

from django.conf import settings
from django.core.management.base import CommandParser

from sandbox.framework import SandboxCommand
from sandbox.lenders.app import Lenders
from sandbox.lenders.store import FaultScript, Store


class Command(SandboxCommand):
    """`manage.py run_banks`: banks that lend nothing, for debug only."""

    help = "Run the sandbox of the lending banks at AUTOSALON_BANKS_URL (debug only)."
    url_setting = "BANKS_URL"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        super().add_arguments(parser)
        parser.add_argument("--faults", type=float, default=0.0, help="share of the questions that go wrong, 0 to 1")
        parser.add_argument("--seed", type=int, default=0, help="which questions go wrong, and how")

    def make(self, folder: Path, address: SplitResult, **options: Any) -> Lenders:
        """Make all banks at one address."""
        script = FaultScript(options["seed"], options["faults"])
        store = Store(folder / "banks" / "book.sqlite3", script=script)
        return Lenders(store, silent_s=settings.PROVIDER_TIMEOUT_S + 5)
