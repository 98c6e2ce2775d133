"""Obey the commands that partners publish, until stopped."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from messaging.commanding import kafka, rabbit
from messaging.commanding.commands import COMMANDS
from messaging.upkeep.scraped import answer_scrapes

ALIVE_S = 2.0


class Command(BaseCommand):
    """`manage.py consume_stream`: any number may run; nothing is obeyed that AUTOSALON_COMMANDS does not name."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--alive-file", type=Path, help="touched while commands are waited for, for health checks")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (settings.STREAM_URL or settings.KAFKA_SERVERS):
            raise CommandError("no broker is named: AUTOSALON_STREAM_URL or AUTOSALON_KAFKA_SERVERS")
        if not settings.COMMANDS:
            raise CommandError(f"no command is allowed: AUTOSALON_COMMANDS, some of {', '.join(sorted(COMMANDS))}")
        if strange := sorted(set(settings.COMMANDS) - set(COMMANDS)):
            raise CommandError(f"AUTOSALON_COMMANDS: there is no {', '.join(strange)}")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        workers = list(_make_workers(stop))
        for worker in workers:
            worker.start()
        answer_scrapes()
        alive: Path | None = options["alive_file"]
        while not stop.wait(ALIVE_S) and all(worker.is_alive() for worker in workers):
            if alive is not None:
                alive.touch()
        stop.set()
        for worker in workers:
            worker.join(timeout=5)


def _make_workers(stop: threading.Event) -> Iterator[threading.Thread]:
    """Make a thread for each broker that is named."""
    if settings.STREAM_URL:
        yield threading.Thread(target=rabbit.consume, args=(settings.STREAM_URL, stop), name="rabbit", daemon=True)
    if settings.KAFKA_SERVERS:
        known = (settings.KAFKA_SERVERS, settings.KAFKA_OPTIONS, stop)
        yield threading.Thread(target=kafka.consume, args=known, name="kafka", daemon=True)
