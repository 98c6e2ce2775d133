"""Move events from outboxes to inboxes until stopped."""

import signal
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.db import NeedsSession, require_session
from messaging.transport.relay_loop import Relay
from messaging.upkeep.scraped import answer_scrapes

ALIVE_S = 2.0


class Command(BaseCommand):
    """`manage.py relay`: any number may run at once."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("aliases", nargs="*", help="databases to serve (default: those of this process's services)")
        parser.add_argument("--alive-file", type=Path, help="touched while no thread hangs, for health checks")

    def handle(self, *args: Any, **options: Any) -> None:
        aliases = options["aliases"] or list(settings.SERVICES)
        if not aliases:
            raise CommandError("this process serves no app whose events it could move: see AUTOSALON_SERVICES")
        try:
            require_session("a relay")
        except NeedsSession as error:
            raise CommandError(str(error)) from None
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        relay = Relay(aliases)
        relay.start()
        answer_scrapes()
        alive: Path | None = options["alive_file"]
        while not stop.wait(ALIVE_S):
            if alive is not None and relay.is_moving():
                alive.touch()
        relay.stop()
