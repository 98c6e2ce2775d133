"""Runs the SMS gateway's sandbox."""

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

from django.conf import settings

from sandbox.framework import SandboxCommand
from sandbox.sms.app import SmsGateway
from sandbox.sms.store import Store


class Command(SandboxCommand):
    """`manage.py run_sms`: a gateway that reaches nobody, for debug only."""

    help = "Run the sandbox of an SMS gateway at AUTOSALON_SMS_URL (debug only)."
    url_setting = "SMS_URL"

    def make(self, folder: Path, address: SplitResult, **options: Any) -> SmsGateway:
        """Make one gateway."""
        return SmsGateway(Store(folder / "sms" / "book.sqlite3"), silent_s=settings.PROVIDER_TIMEOUT_S + 5)
