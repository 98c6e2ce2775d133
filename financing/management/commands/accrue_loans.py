"""Draw every running loan as it stands today: `manage.py accrue_loans`; a second run finds nothing to do."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from financing import queries, services
from financing.services import Accrued


class Command(BaseCommand):
    help = "Note what fell due, what is late and who is to be reminded, for every running loan."

    def handle(self, *args: Any, **options: Any) -> None:
        found = Accrued()
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, disable=options["verbosity"] == 0) as bars:
            task = bars.add_task("loans", total=queries.running_loans())
            for found in services.accrue_loans(now=timezone.now()):
                bars.update(task, completed=found.seen)
        self.stdout.write(f"{found.seen} loans looked at, {found.changed} changed")
