"""Delete events and deliveries that are no longer kept; with --archive the events are written to files first."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from messaging.delivery.parked import served
from messaging.upkeep import retention


class Command(BaseCommand):
    """`manage.py purge_events [--archive DIR] [ALIAS …]`: what the nightly job does."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("aliases", nargs="*", help="databases (default: those of this process's services)")
        parser.add_argument("--archive", type=Path, help="folder for gzipped lines of CloudEvents")

    def handle(self, *args: Any, **options: Any) -> None:
        """Purge each database."""
        console = Console(file=sys.stderr)
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console, transient=True) as progress:
            task = progress.add_task("")
            for alias in options["aliases"] or served():

                def show(what: str, count: int, alias: str = alias) -> None:
                    progress.update(task, description=f"{alias}: {count} {what}")

                done = retention.purge(alias, now=timezone.now(), archive=options["archive"], tick=show)
                told = ", ".join(f"{count} {what}" for what, count in done.items())
                self.stdout.write(f"{alias}: {told}")
