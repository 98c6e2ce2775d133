"""Prove across all databases that orders, stock, payments, loans, policies, seats and logs agree."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from config import books
from config.databases import APPS
from config.processes.metrics import remember_books
from messaging.peering.peers import is_here, list_variables


class Command(BaseCommand):
    """`manage.py check_books [--json]`: exits 1 on any disagreement, and lists each with its ids."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON only")
        parser.add_argument("--wait", type=float, default=10.0, help="seconds to wait for what is still under way")

    def handle(self, *args: Any, **options: Any) -> None:
        """Wait for quiet, check, report."""
        if missing := list_variables(app for app in APPS if not is_here(app)):
            raise CommandError(f"the books are held against each other where all databases are; missing: {missing}")
        with Progress(console=Console(file=sys.stderr), transient=True, disable=options["json"]) as progress:
            moving = books.wait_until_quiet(options["wait"])
            task = progress.add_task("books", total=len(books.CHECKS))
            found = {}
            for name, check in books.CHECKS.items():
                progress.update(task, description=name)
                found[name] = [asdict(item) for item in check()]
                progress.advance(task)
        remember_books({name: len(items) for name, items in found.items()})
        paused = books.standing_still()
        is_clean = not any(found.values())
        if options["json"]:
            told = {"clean": is_clean, "under_way": moving, "paused": paused, "disagreements": found}
            self.stdout.write(json.dumps(told, default=str))
        else:
            self._report(found, moving, paused)
        if not is_clean:
            sys.exit(1)

    def _report(self, found: dict[str, list[dict[str, Any]]], moving: int, paused: list[str]) -> None:
        for name, items in found.items():
            self.stdout.write(f"{'ok ' if not items else 'BAD'}  {name}")
            for item in items:
                ids = item["ids"] if isinstance(item["ids"], dict) else {"ids": item["ids"]}
                named = ", ".join(f"{key} {value}" for key, value in ids.items())
                self.stdout.write(f"       {item['kind']}: {named}: {item['detail']}")
        if moving:
            self.stdout.write(f"note: {moving} events or calls are still under way")
        if paused:
            self.stdout.write(f"note: these handlers are paused and behind: {', '.join(paused)}")
        total = sum(len(items) for items in found.values())
        self.stdout.write("books are clean" if not total else f"{total} disagreements")
