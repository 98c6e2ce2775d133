"""Move events from outboxes to inboxes until stopped."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from messaging.relay_loop import Relay


class Command(BaseCommand):
    """`manage.py relay`: any number may run at once."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("aliases", nargs="*", help="databases to serve (default: those of this process's services)")

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        relay = Relay(options["aliases"] or list(settings.SERVICES))
        relay.start()
        stop.wait()
        relay.stop()
