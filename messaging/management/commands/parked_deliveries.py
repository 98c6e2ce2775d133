"""List deliveries that used up their retries; exit 1 if there are any."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from messaging.delivery import parked


class Command(BaseCommand):
    """`manage.py parked_deliveries [--retry | --discard] [--handler NAME]`."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        action = parser.add_mutually_exclusive_group()
        action.add_argument("--retry", action="store_true", help="try them all again")
        action.add_argument("--discard", action="store_true", help="give them up; what they hold up goes on")
        parser.add_argument("--handler", default="", help="only this handler's")

    def handle(self, *args: Any, **options: Any) -> None:
        """Act, or list."""
        if options["retry"] or options["discard"]:
            act = parked.retry if options["retry"] else parked.discard
            total = sum(self._act(act, alias, options["handler"]) for alias in parked.served())
            self.stdout.write(f"{'retried' if options['retry'] else 'discarded'}: {total}")
            return
        groups = [group for group in parked.groups(parked.served()) if options["handler"] in ("", group.handler)]
        self._show(groups)
        if groups:
            sys.exit(1)

    def _act(self, act: Any, alias: str, handler: str) -> int:
        total = 0
        while found := parked.rows(alias, handler=handler):
            total += act(alias, [row.rn for row in found], now=timezone.now())
        return total

    def _show(self, groups: list[parked.ParkedGroup]) -> None:
        if not groups:
            self.stdout.write("no parked deliveries")
            return
        table = Table("database", "handler", "event", "count", "since", "error")
        for group in groups:
            since = group.first_at.isoformat(timespec="seconds")
            table.add_row(group.alias, group.handler, group.type, str(group.count), since, group.error)
        Console().print(table)
