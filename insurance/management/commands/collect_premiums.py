"""The hourly look at instalments of premiums, by hand."""

from django.core.management.base import BaseCommand
from django.utils import timezone

from insurance.services import collect_premiums


class Command(BaseCommand):
    help = "Remind of instalments that fall due, charge them, and suspend or end policies that are not paid for."

    def handle(self, *args: object, **options: object) -> None:
        """Run it once."""
        count = collect_premiums(now=timezone.now())
        self.stdout.write(f"{count} policies with an instalment due")
