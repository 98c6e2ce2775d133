"""Make demo data: accounts to sign in with, cars to buy, happenings to visit."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.progress import Progress

from core.plugins import plugins


class Command(BaseCommand):
    """`manage.py seed_demo`: the demo of every app's plugin, in debug only; run again, it changes nothing."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Call each app's demo in turn."""
        if not settings.DEBUG:
            raise CommandError("demo data are for debug only: their passwords are public")
        wanted = {app: plugin.demo for app, plugin in plugins().items() if plugin.demo}
        with Progress(transient=True) as progress:
            task = progress.add_task("demo data", total=len(wanted))
            for create in wanted.values():
                create(timezone.now())
                progress.advance(task)
        self.stdout.write(f"demo data ready: {', '.join(wanted)}")
