"""The relay's loop: one thread a source waits for NOTIFY, another sweeps; each survives its database's absence."""

import threading
import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import Error, connections

from core import failpoints
from messaging import feed, nudges, relay, sinks, sweep
from messaging.outbox import CHANNEL
from messaging.subscriptions import subscriptions

POLL_S = 0.5
SWEEP_S = 1.0
MAX_BACKOFF_S = 10.0
log = structlog.get_logger(__name__)


def targets_of(source: str) -> list[str]:
    """Aliases with a handler that reads this source."""
    return sorted({item.alias for item in subscriptions().values() if source in item.sources})


def turn(source: str) -> int:
    """Sequence, broadcast and copy until nothing of `source` waits; return how many events got positions."""
    count = 0
    is_full = True
    while is_full:
        placed = relay.sequence(source)
        count += len(placed)
        feed.broadcast(source, placed)
        if placed:
            sinks.wake(source)
        is_full = len(placed) == relay.BATCH
    for alias in targets_of(source):
        _copy_all(source, alias)
    return count


_skip_until: dict[str, float] = {}


def _copy_all(source: str, alias: str) -> None:
    """Copy to one subscriber; one that is down is left alone for a second, and lags until it is back."""
    if _skip_until.get(alias, 0) > time.monotonic():
        return
    has_more = True
    try:
        while has_more:
            lanes, has_more = relay.copy(source, alias)
            if lanes:
                failpoints.reach("relay.before_nudge", alias)
            nudges.send(lanes)
    except Error as error:
        _forget(alias)
        connections[source].ensure_connection()
        _skip_until[alias] = time.monotonic() + 1
        log.warning("copy_failed", source=source, alias=alias, error=repr(error))


def _forget(alias: str) -> None:
    """Drop this thread's connection so that the next use makes a new one."""
    connections[alias].close()


class Relay:
    """Threads that move the events of the given databases until told to stop."""

    def __init__(self, aliases: list[str]) -> None:
        self.aliases = aliases
        self.stopping = threading.Event()
        self.threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start a thread per source, one sweeper per database, and a publisher where there is an external stream."""
        for alias in self.aliases:
            self._spawn(f"relay-{alias}", alias, self._relay)
            self._spawn(f"sweep-{alias}", alias, self._sweep)
            if settings.STREAM_URL:
                self._spawn(f"stream-{alias}", alias, self._stream)

    def stop(self) -> None:
        """Ask every thread to end and wait for it."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=5)

    def _spawn(self, name: str, alias: str, work: Callable[[str], None]) -> None:
        thread = threading.Thread(target=self._forever, args=(alias, work), name=name, daemon=True)
        thread.start()
        self.threads.append(thread)

    def _forever(self, alias: str, work: Callable[[str], None]) -> None:
        backoff = 0.5
        while not self.stopping.is_set():
            started = time.monotonic()
            try:
                work(alias)
            except Exception as error:
                log.warning("relay_interrupted", alias=alias, error=repr(error))
                for connection in connections.all(initialized_only=True):
                    connection.close()
            backoff = 0.5 if time.monotonic() - started > MAX_BACKOFF_S else min(MAX_BACKOFF_S, backoff * 2)
            self.stopping.wait(backoff)
        connections.close_all()

    def _relay(self, alias: str) -> None:
        connection = connections[alias]
        connection.ensure_connection()
        raw = connection.connection
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        while not self.stopping.is_set():
            turn(alias)
            for _ in raw.notifies(timeout=POLL_S, stop_after=1):
                pass

    def _sweep(self, alias: str) -> None:
        while not self.stopping.wait(SWEEP_S):
            sweep.sweep(alias)

    def _stream(self, alias: str) -> None:
        sinks.Sink(alias).run(self.stopping)
