"""Fill in what orders sell for insurance, and name policies that are for other cars."""

import sys

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from insurance.queries.strangers import policies_of_other_cars
from insurance.services import fill_orders
from messaging.upkeep.copies import copy_checks


class Command(BaseCommand):
    help = "Note the goods of orders from before insurance noted them, and name policies of other cars. Safe to repeat."

    def handle(self, *args: object, **options: object) -> None:
        """Read all orders, write what is missing, and look at the policies that were bought with them."""
        console = Console(file=sys.stderr)
        with Progress(
            SpinnerColumn(), TextColumn("{task.completed} orders"), console=console, transient=True
        ) as progress:
            task = progress.add_task("", total=None)
            states = copy_checks()["insurance.OrderCopy"].source()
            filled = fill_orders(states=states, tick=lambda count: progress.advance(task, count))
        self.stdout.write(f"{filled} orders filled in")
        for policy in policies_of_other_cars():
            self.stdout.write(f"{policy.number} of order {policy.order_id}: {policy.vehicle_vin} is no car of it")
