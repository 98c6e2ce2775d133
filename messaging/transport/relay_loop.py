"""The relay's loop: a thread per database places its events and copies them, another sweeps, and one follows each log
that is not ours to place. Each survives the absence of its database; a pair that fails never holds up another.

A relay belongs to its databases: it places the events of these alone, and fills the inboxes of these alone, from
whichever log. What runs on other machines is theirs to move.
"""

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from functools import partial

import structlog
from django.db import connections

from core.outside.asking import PeerAway
from core.outside.destinations import Driver
from core.running import failpoints
from messaging.delivery import sweep, wakeups
from messaging.feeds import feed
from messaging.outbox import CHANNEL
from messaging.peering import peers
from messaging.publishing import sinks
from messaging.subscriptions import foreign_sources, subscriptions
from messaging.transport import relay, relay_wakeups
from messaging.transport.logs import Log

POLL_S = 0.5
"""So soon a log is looked at again whose news somebody has not got: a subscriber that is away, another relay's."""
IDLE_S, MOST_IDLE_S = 2.0, 10.0
"""So often each log is looked at, should a bell not have been heard; and so often where it has been still for long."""
LOOK_S, MOST_LOOK_S = 5.0, 60.0
"""So long at most a subscriber that wants none of the newest events stays behind the head; and so often everybody is
looked at even if nothing happened, for a cursor may have been moved back by hand. While all is still each pause is
twice the one before, up to the second."""
WAIT_S = 1.0
"""So long events wait for more of their kind where nobody wants them but handlers that can wait."""
POLL_PEER_S = 1.0
SWEEP_S, MOST_SWEEP_S = 1.0, 10.0
"""So often a database is swept, and so often where all has been still for `STIR_S` and nothing falls due before."""
STIR_S = 30.0
BEAT_S = 5.0
MAX_BACKOFF_S = 10.0
HUNG_S = 60.0
"""A thread that has not looked for work for so long hangs: no statement and no broken connection takes half of it."""
LONGEST_SKIP_S = 5.0
log = structlog.get_logger(__name__)


def list_targets(source: str, types: Collection[str] | None = None, *, at_once: bool = False) -> list[str]:
    """Return the aliases with a handler that reads this source, and some of these types where any are given.

    With `at_once` only those with such a handler that cannot wait.
    """
    wanting = (item for item in subscriptions().values() if source in item.sources and not (at_once and item.can_wait))
    return sorted({item.alias for item in wanting if types is None or not item.events.keys().isdisjoint(types)})


_stirs: defaultdict[str, threading.Event] = defaultdict(threading.Event)
"""Set when something is placed in or copied to a database: what comes of it may need the sweep soon."""
_moved: dict[str, float] = {}


def _moves() -> None:
    """Note that this thread gets on: with a backlog, a relay may be at one turn for minutes."""
    _moved[threading.current_thread().name] = time.monotonic()


def turn(
    source: str, aliases: Collection[str] | None = None, *, to_all: bool = True, waiting: dict[str, float] | None = None
) -> int:
    """Sequence, broadcast and copy until nothing of `source` waits; return how many events got positions.

    `aliases` are the databases whose inboxes are ours to fill; all that are at hand by default. Without `to_all` only
    those that want some of the events placed now: whoever calls looks at the others before long. Those that can wait
    do so in `waiting`, if given, until the moment it says.
    """
    count = 0
    types: set[str] = set()
    is_full = True
    while is_full:
        _moves()
        placed = relay.sequence(source)
        count += len(placed)
        types.update(event["type"] for event in placed)
        feed.broadcast(source, placed)
        if placed:
            _stirs[source].set()
            sinks.wake(source)
            relay_wakeups.send(source)
        is_full = len(placed) == relay.BATCH
    now_s = time.monotonic()
    due = dict.fromkeys(list_targets(source, types), now_s + WAIT_S if waiting is not None else now_s)
    due |= (waiting or {}) | dict.fromkeys(list_targets(source, types, at_once=True), now_s)
    wanting = [alias for alias, due_s in due.items() if due_s <= now_s]
    if waiting is not None:
        waiting.clear()
        waiting.update({} if to_all else {alias: due_s for alias, due_s in due.items() if due_s > now_s})
    _copy_to(source, aliases, None if to_all else wanting)
    return count


def follow(source: str, aliases: Collection[str] | None = None) -> None:
    """Copy what others placed in `source`. Raises PeerAway when its owner does not answer."""
    _copy_to(source, aliases, None)


def _copy_to(source: str, aliases: Collection[str] | None, wanting: Collection[str] | None) -> None:
    """Copy to whoever reads the source, or to those who are known to be `wanting` something of it."""
    readers = list_targets(source) if wanting is None else sorted(wanting)
    targets = [alias for alias in readers if (peers.is_here(alias) if aliases is None else alias in aliases)]
    shared = relay.shared_log(source, targets)
    for alias in targets:
        _copy_all(source, alias, shared, is_wanted=wanting is not None)


_failures: dict[tuple[str, str], tuple[int, float]] = {}
"""Pairs of source and subscriber that fail: how often in a row, and until when they are left alone."""


def _copy_all(source: str, alias: str, shared: Log, *, is_wanted: bool) -> None:
    """Copy to one subscriber; one that fails is left alone for a second, then longer, and lags until it is back."""
    times, until = _failures.get((source, alias), (0, 0.0))
    if until > time.monotonic():
        return
    has_more = True
    try:
        while has_more:
            _moves()
            shards, has_more = relay.copy(source, alias, shared, is_wanted=is_wanted)
            if shards:
                _stirs[alias].set()
                failpoints.reach("relay.before_wakeup", alias)
            wakeups.send(sorted(shards)[:1])  # whoever hears it looks at all that is due in the database
    except PeerAway:
        raise
    except Exception as error:
        _forget(alias)
        pause_s = min(LONGEST_SKIP_S, 2.0**times)
        _failures[source, alias] = (min(times + 1, 16), time.monotonic() + pause_s)
        log.warning("copy_failed", source=source, alias=alias, error=repr(error), again_in_s=pause_s)
        if peers.is_here(source):
            connections[source].ensure_connection()
        return
    if _failures.pop((source, alias), None):
        log.warning("copy_works_again", source=source, alias=alias)


def _fails(source: str) -> bool:
    return any(pair[0] == source for pair in tuple(_failures))


def _forget(alias: str) -> None:
    """Drop this thread's connection so that the next use makes a new one."""
    if alias in connections:
        connections[alias].close()


def _close_all_but(alias: str) -> None:
    """Close what this thread has open to other databases: there are as many threads as there are of those."""
    for connection in connections.all(initialized_only=True):
        if connection.alias != alias:
            connection.close()


class Looks:
    """Moments when a thread looks at all subscribers of its log, not at those alone that want what it has placed.

    Now and then, ever less often while nothing happens; and soon after another relay has placed an event, for that one
    may have died of it.
    """

    def __init__(self) -> None:
        self._last_s, self._has_rung, self._has_news = -math.inf, False, False
        self._pause_s = LOOK_S / 2

    def is_due(self, now_s: float, *, fails: bool) -> bool:
        """Say whether it is time, and begin to wait anew if it is; `fails`: some subscriber could not be reached."""
        if now_s - self._last_s < (POLL_S if self._has_news or fails else self._pause_s):
            return False
        self._last_s, self._has_news = now_s, False
        self._pause_s = min(MOST_LOOK_S, self._pause_s * 2)
        return True

    def is_still(self) -> bool:
        """Tell whether nothing has happened for minutes, nor will before long as far as one can see."""
        return self._pause_s == MOST_LOOK_S

    def wait_s(self, *, fails: bool) -> float:
        """Return the seconds after which to look even if no bell rings."""
        return POLL_S if self._has_news or fails else min(MOST_IDLE_S, IDLE_S * self._pause_s / LOOK_S)

    def record_turn(self, placed: int, *, has_rung: bool) -> None:
        """Remember a turn that placed so many events, and whether the database has rung for more since."""
        if self._has_rung and not placed:
            self._has_news = True
        if placed or has_rung:
            self._pause_s = LOOK_S
        self._has_rung = has_rung


class Relay:
    """Threads that move the events of the given databases until told to stop."""

    def __init__(self, aliases: list[str]) -> None:
        self.aliases = aliases
        self.foreign = foreign_sources(aliases)
        self.bells = relay_wakeups.Bells(self.foreign)
        self.stopping = threading.Event()
        self.threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start a thread per source of ours, a sweeper per database, a publisher for each broker outside, and
        a follower per log of others."""
        for alias in self.aliases:
            self._spawn(f"relay-{alias}", alias, self._relay)
            self._spawn(f"sweep-{alias}", alias, self._sweep)
            for driver in sinks.drivers():
                self._spawn(f"stream-{driver}-{alias}", alias, partial(self._stream, driver))
        for source in self.foreign:
            self._spawn(f"follow-{source}", source, self._follow)
        if self.foreign:
            self._spawn("relay_wakeups", "", self._listen)

    def stop(self) -> None:
        """Ask every thread to end and wait for it."""
        self.stopping.set()
        self.bells.ring()
        for alias in self.aliases:
            _stirs[alias].set()
        for thread in self.threads:
            thread.join(timeout=5)

    def is_moving(self) -> bool:
        """Tell whether each thread that has to look for work did so lately; those that listen wait long."""
        alive = [thread for thread in self.threads if not thread.name.startswith(("stream-", "relay_wakeups"))]
        return all(thread.is_alive() and time.monotonic() - _moved[thread.name] < HUNG_S for thread in alive)

    def _spawn(self, name: str, alias: str, work: Callable[[str], None]) -> None:
        thread = threading.Thread(target=self._forever, args=(alias, work), name=name, daemon=True)
        _moved[name] = time.monotonic()
        thread.start()
        self.threads.append(thread)

    def _forever(self, alias: str, work: Callable[[str], None]) -> None:
        backoff = 0.5
        while not self.stopping.is_set():
            started = time.monotonic()
            _moves()
            try:
                work(alias)
            except PeerAway:  # said where it was asked
                log.debug("relay_waits", alias=alias)
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
        looks, waiting = Looks(), dict[str, float]()
        while not self.stopping.is_set():
            to_all = looks.is_due(time.monotonic(), fails=_fails(alias))
            placed = turn(alias, self.aliases, to_all=to_all, waiting=waiting)
            until_s = min(waiting.values(), default=math.inf)
            wait_s = min(looks.wait_s(fails=_fails(alias)), max(0.0, until_s - time.monotonic()))
            if to_all and looks.is_still():
                _close_all_but(alias)
            looks.record_turn(placed, has_rung=any(True for _ in raw.notifies(timeout=wait_s, stop_after=1)))

    def _follow(self, source: str) -> None:
        while not self.stopping.is_set():
            _moves()
            follow(source, self.aliases)
            self.bells.wait(source, POLL_S if peers.is_here(source) else POLL_PEER_S)

    def _listen(self, _: str) -> None:
        self.bells.listen(self.stopping)

    def _sweep(self, alias: str) -> None:
        beaten_at, stirred_at, stir = -math.inf, time.monotonic(), _stirs[alias]
        while not self.stopping.wait(SWEEP_S):
            _moves()
            is_beat_due = time.monotonic() - beaten_at >= BEAT_S
            due = sweep.look(alias)
            if sweep.sweep(alias, due=due, is_beat_due=is_beat_due) or stir.is_set():
                stir.clear()
                stirred_at = time.monotonic()
            beaten_at = time.monotonic() if is_beat_due else beaten_at
            if time.monotonic() - stirred_at >= STIR_S:
                stir.wait(min(MOST_SWEEP_S, due.next_s) - SWEEP_S)

    def _stream(self, driver: Driver, alias: str) -> None:
        sinks.Sink(alias, driver).run(self.stopping)
