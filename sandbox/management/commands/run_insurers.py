"""Runs the insurers' sandbox."""

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

from django.conf import settings

from sandbox.framework import SandboxCommand
from sandbox.insurers.app import Insurers
from sandbox.insurers.store import Store


class Command(SandboxCommand):
    """`manage.py run_insurers`: insurers that insure nobody, for debug only."""

    help = "Run the sandbox of the insurers at AUTOSALON_INSURERS_URL (debug only)."
    url_setting = "INSURERS_URL"

    def make(self, folder: Path, address: SplitResult, **options: Any) -> Insurers:
        """Make all insurers at one address."""
        return Insurers(Store(folder / "insurers" / "book.sqlite3"), silent_s=settings.PROVIDER_TIMEOUT_S + 5)
