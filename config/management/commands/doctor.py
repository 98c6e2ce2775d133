"""Look at everything the product stands on, and name what is not well."""

import sys
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connections

from config.management.commands.migrate_all import is_current
from gateway import guard
from messaging import parked

MAX_SILENCE_S = 30
MAX_WAITING_S = 60


class Command(BaseCommand):
    """`manage.py doctor [--relay]`: one line per app; exits 1 and names every app that is not well."""

    help = __doc__
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--relay", action="store_true", help="ask only whether events are being moved")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask each app's database, and Valkey."""
        troubles = 0
        for alias in parked.served():
            found = list(_troubles(alias, only_relay=options["relay"]))
            troubles += len(found)
            self.stdout.write(f"{alias:14} {'; '.join(found) or 'ok'}")
        if not options["relay"]:
            found = list(_valkey_troubles())
            troubles += len(found)
            self.stdout.write(f"{'valkey':14} {'; '.join(found) or 'ok'}")
        if troubles:
            sys.exit(1)


def _troubles(alias: str, *, only_relay: bool) -> Iterator[str]:
    try:
        if not only_relay and not is_current(alias):
            yield "migrations are pending"
            return
        yield from _relay_troubles(alias)
        if not only_relay:
            yield from _delivery_troubles(alias)
    except Error as error:
        yield f"database does not answer: {' '.join(str(error).split())[:120]}"


def _relay_troubles(alias: str) -> Iterator[str]:
    silence = _scalar(alias, "SELECT extract(epoch FROM now() - max(beat_at)) FROM messaging_heartbeat")
    if silence is None or silence > MAX_SILENCE_S:
        yield "no relay is running" if silence is None else f"the relay has been silent for {silence:.0f} s"


def _delivery_troubles(alias: str) -> Iterator[str]:
    oldest = "SELECT extract(epoch FROM now() - min({})) FROM {} WHERE {}"
    unplaced = _scalar(alias, oldest.format("created_at", "messaging_outbox", "position IS NULL"))
    if unplaced and unplaced > MAX_WAITING_S:
        yield f"an event has waited {unplaced:.0f} s for the relay"
    waiting = _scalar(alias, oldest.format("next_at", "messaging_inbox", "status = 0 AND next_at <= now()"))
    if waiting and waiting > MAX_WAITING_S:
        yield f"a delivery has waited {waiting:.0f} s for a worker"
    count = parked.count([alias])
    if count:
        yield f"{count} parked deliveries"


def _scalar(alias: str, sql: str) -> float | None:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        (value,) = cursor.fetchone()
    return None if value is None else float(value)


def _valkey_troubles() -> Iterator[str]:
    try:
        guard.client().ping()
    except Exception as error:
        yield f"does not answer: {type(error).__name__} ({settings.REDIS.url(3).split('?')[0]})"
