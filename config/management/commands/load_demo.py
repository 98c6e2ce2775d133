"""Tell a year of a made-up dealership: people, deals in every state, loans, policies, claims and enquiries."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.progress import Progress

from accounts.models import User
from config.management.demo.year import SIZES, play_year
from config.processes.running import running_address
from core.plugins import plugins
from orders.models import Order

DUMMY = "django.core.mail.backends.dummy.EmailBackend"


class Command(BaseCommand):
    """`manage.py load_demo`: run again, it goes on where it stopped, or changes nothing."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--size", choices=sorted(SIZES), default="small")
        parser.add_argument("--force", action="store_true", help="outside debug, into databases that are still empty")

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse where it would do harm, make the demo of each app, and tell the year."""
        self._check(is_forced=options["force"])
        settings.EMAIL_BACKEND = DUMMY  # made-up people have made-up mailboxes
        started, now = time.monotonic(), timezone.now()
        for app, plugin in plugins().items():
            if plugin.demo and (settings.DEBUG or app != "accounts"):  # the accounts of debug have a public password
                plugin.demo(now)
        with Progress(transient=True) as bar:
            task = bar.add_task("a year", total=None)
            told = play_year(options["size"], now, lambda done, all_of: bar.update(task, completed=done, total=all_of))
        names = ", ".join(f"{plot} {number}" for plot, number in sorted(told.items())) or "nothing new"
        self.stdout.write(f"a year told in {time.monotonic() - started:.0f} s: {names}")

    def _check(self, *, is_forced: bool) -> None:
        if running_address(settings.DATA_DIR):
            raise CommandError(
                "the product runs here: its workers would do today what this tells of last year; stop it"
            )
        if settings.DEBUG:
            return
        if not is_forced:
            raise CommandError("made-up people are for debug; --force loads them into databases that are empty")
        if User.objects.filter(is_active=True).exclude(email__endswith="@demo.example.com").count() > 1:
            raise CommandError("people are here already: made-up ones are not mixed with them")
        if Order.objects.exists():
            raise CommandError("orders are here already: made-up ones are not mixed with them")
