"""Make demo data: accounts to sign in with, cars to buy, happenings to visit."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.progress import Progress

from config.databases import APPS


class Command(BaseCommand):
    """`manage.py seed_demo`: every app's `demo.create_demo`, in debug only; run again, it changes nothing."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Call each app's demo in turn."""
        if not settings.DEBUG:
            raise CommandError("demo data are for debug only: their passwords are public")
        wanted = [app for app in APPS if find_spec(f"{app}.demo")]
        with Progress(transient=True) as progress:
            task = progress.add_task("demo data", total=len(wanted))
            for app in wanted:
                import_module(f"{app}.demo").create_demo(now=timezone.now())
                progress.advance(task)
        self.stdout.write(f"demo data ready: {', '.join(wanted)}")
