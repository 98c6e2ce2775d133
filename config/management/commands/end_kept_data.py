"""Empty or delete what the law let us keep of people, once its time is over."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from messaging.delivery.parked import served
from messaging.people import endings


class Command(BaseCommand):
    """`manage.py end_kept_data [--dry-run] [APP …]`: what the nightly job does; a dry run counts, and ends nothing."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("apps", nargs="*", help="default: those of this process's services")
        parser.add_argument("--dry-run", action="store_true", help="count what is due")

    def handle(self, *args: Any, **options: Any) -> None:
        """End what is due of each app."""
        now, wanted = timezone.now(), options["apps"] or served()
        console = Console(file=sys.stderr)
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console, transient=True) as progress:
            task = progress.add_task("")
            for app in [app for app in endings.ending_apps() if app in wanted]:

                def show(names: str, count: int, app: str = app) -> None:
                    progress.update(task, description=f"{app}: {count} of {names}")

                if options["dry_run"]:
                    done = endings.count_due(app, now=now)
                else:
                    done = endings.end_due(app, now=now, tick=show)
                told = "; ".join(f"{count} of {names}" for names, count in done.items())
                self.stdout.write(f"{app}: {told}")
