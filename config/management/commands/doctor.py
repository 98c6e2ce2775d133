"""Look at everything the product stands on, and name what is not well."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.health import document
from config.health.examination import Report, examine


class Command(BaseCommand):
    """`manage.py doctor`: one line per app and per thing all share; exits 1 and says what is wrong, and what to do."""

    help = __doc__
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--relay", action="store_true", help="ask only whether events are being moved")
        parser.add_argument("--json", action="store_true", help="print JSON only")
        parser.add_argument(
            "--write-table", action="store_true", help="write the list of checks into docs/operations.md"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask every check, or write down which there are."""
        if options["write_table"]:
            document.write()
            return
        report = examine(["relay"] if options["relay"] else [])
        self._print_json(report) if options["json"] else self._print(report)
        if report.troubles:
            sys.exit(1)

    def _print(self, report: Report) -> None:
        for place in report.places:
            found = report.of(place)
            self.stdout.write(f"{place:14} {'; '.join(one.text for one in found) or 'ok'}")
            for name in dict.fromkeys(one.check for one in found):
                remedy = next(one.remedy for one in found if one.check == name)
                self.stdout.write(f"{'':14} → {name}: {remedy}")

    def _print_json(self, report: Report) -> None:
        troubles = [
            {"check": one.check, "where": one.where, "what": one.text, "remedy": one.remedy} for one in report.troubles
        ]
        self.stdout.write(json.dumps({"status": report.status, "troubles": troubles}))
