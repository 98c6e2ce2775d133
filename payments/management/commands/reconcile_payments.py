"""Compares a day with a provider's statement."""

import json
from datetime import date, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.outside.provider_http import NoAnswer, Refused, TransientFault
from payments import services
from payments.providers import NAMES


class Command(BaseCommand):
    """`manage.py reconcile_payments`: exit 1 if the books differ."""

    help = "Compare one day (UTC, yesterday by default) of a provider's statement with the ledger, and store it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("--provider", choices=NAMES, default="sandbox")
        parser.add_argument("--day", type=date.fromisoformat, help="YYYY-MM-DD")
        parser.add_argument("--json", action="store_true", help="print JSON only")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare and tell."""
        now = timezone.now()
        day = options["day"] or (now - timedelta(days=1)).date()
        try:
            done = services.reconcile_day(provider=options["provider"], day=day, now=now)
        except (TransientFault, NoAnswer, Refused) as error:
            raise CommandError(f"{options['provider']} shows no statement now: {error}", returncode=2) from error
        if options["json"]:
            names = ("charged_there", "charged_here", "returned_there", "returned_here")
            totals = {name: str(getattr(done, name)) for name in names}
            self.stdout.write(json.dumps({"day": str(day), **totals, "differences": done.differences}))
        else:
            self.stdout.write(f"{done}: taken {done.charged_there} there, {done.charged_here} here; ")
            self.stdout.write(f"returned {done.returned_there} there, {done.returned_here} here")
            for item in done.differences:
                self.stdout.write(f"{item['kind']} {item['id']}: {item['there']} there, {item['here']} here")
        if not done.agrees:
            raise SystemExit(1)
