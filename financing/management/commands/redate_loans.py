"""Let signed loans follow the working days of a year: `manage.py redate_loans 2027`, then the same with `--apply`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from core.errors import InvalidInput
from financing import queries, services
from financing.services import Redated


class Command(BaseCommand):
    help = "Show which payments of signed loans a year's decree moves; with --apply move those that are not yet due."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the command line."""
        parser.add_argument("year", type=int, help="its decree is entered by import_work_calendar")
        parser.add_argument("--apply", action="store_true", help="move the payments and tell the borrowers")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show what would change, or change it; a second run finds nothing to do."""
        now, year = timezone.now(), options["year"]
        if not options["apply"]:
            found = queries.preview_redating(year, now=now, most=queries.running_loans())
            self.stdout.write(
                f"{found.loans} of {found.seen} loans would change: {found.payments} payments move, "
                f"{found.earlier} of them to an earlier day, interest changes by {found.interest_change}; "
                "nothing was written"
            )
            return
        try:
            services.follow_calendar(year=year, actor_id=None, now=now)
        except InvalidInput as error:
            raise CommandError(error.errors[0]["detail"]) from error
        redated = Redated()
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, disable=options["verbosity"] == 0) as bars:
            task = bars.add_task("loans", total=queries.running_loans())
            for redated in services.redate_loans(now=now):
                bars.update(task, completed=redated.seen)
        self.stdout.write(
            f"{redated.seen} loans looked at, {redated.changed} changed, {redated.payments} payments moved"
        )
