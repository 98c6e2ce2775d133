"""Writes an account's statement as CSV."""

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.clock import day_begins, day_ends, dealer_day
from core.files.tables import csv_lines
from payments.models import LedgerAccount
from payments.queries import statement_table


class Command(BaseCommand):
    """`manage.py export_ledger`: the movements of one account, or of all, with running balances."""

    help = "Write the ledger's movements as CSV: of one account or of all, by the dealer's days, the last one included."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("--account", help="an account's code, such as provider:sandbox; all by default")
        parser.add_argument("--from", dest="since", type=date.fromisoformat, default=date(2000, 1, 1))
        parser.add_argument("--to", dest="until", type=date.fromisoformat, help="today by default")
        parser.add_argument("--output", type=Path, help="a file; standard output by default")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write."""
        codes = [options["account"]] if options["account"] else None
        accounts = LedgerAccount.objects.order_by("code").values_list("code", flat=True)
        if codes and codes[0] not in accounts:
            raise CommandError(f"there is no account {codes[0]}")
        until = options["until"] or dealer_day(timezone.now())
        span = day_begins(options["since"]), day_ends(until)
        if options["output"] is None:
            self._write(sys.stdout, codes or list(accounts), span)
            return
        with options["output"].open("w", newline="", encoding="utf-8") as file:
            self._write(file, codes or list(accounts), span)

    def _write(self, file: Any, codes: list[str], span: tuple[datetime, datetime]) -> None:
        file.writelines(csv_lines(statement_table(accounts=codes, since=span[0], until=span[1])))
