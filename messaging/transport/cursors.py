"""Measure how far each handler is behind each source, and stop and start it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import Error, connections

from core.db import transaction
from core.outside.asking import PeerAway
from messaging.outbox import ring
from messaging.peering.peers import is_here
from messaging.subscriptions import Subscription, list_subscriptions, subscriptions
from messaging.transport.logs import read_head

COUNTED = 100_000


@dataclass(frozen=True)
class Lag:
    """A handler against one source. `events`: not copied or not handled yet; `seconds`: age of the oldest of them.

    Both are None while one of the databases does not answer. `parked` deliveries are not among them.
    """

    alias: str
    source: str
    handler: str
    events: int | None
    seconds: float | None
    parked: int
    is_paused: bool
    pause_reason: str


def positions(alias: str, source: str, handlers: list[str]) -> list[int]:
    """Return how far handlers of a database have copied a source, in their order; 0 for one without a cursor yet."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT handler, position FROM messaging_inbox_cursor WHERE source = %s AND handler = ANY(%s)",
            [source, handlers],
        )
        known: dict[str, int] = dict(cursor.fetchall())
    return [known.get(name, 0) for name in handlers]


class NoSuchPair(ValueError):
    """The handler does not exist or does not read this source."""


def lags(aliases: Iterable[str]) -> list[Lag]:
    """Every pair of the served databases, by database, handler and source."""
    return [
        _lag(item, source)
        for alias in aliases
        for item in sorted(list_subscriptions(alias), key=lambda one: one.name)
        for source in sorted(item.sources)
    ]


_CURSOR = """
SELECT position, is_paused, pause_reason FROM messaging_inbox_cursor WHERE source = %s AND handler = %s
"""
_WAITING = """
SELECT count(*) FILTER (WHERE status = 0), coalesce(extract(epoch FROM
       statement_timestamp() - min(received_at) FILTER (WHERE status = 0)), 0)::float,
       count(*) FILTER (WHERE status = 2)
FROM (SELECT status, received_at FROM messaging_inbox
      WHERE handler = %s AND source = %s AND status IN (0, 2) LIMIT %s) AS waiting
"""
_NOT_COPIED = """
SELECT count(*), coalesce(extract(epoch FROM statement_timestamp() - min(created_at)), 0)::float
FROM (SELECT created_at FROM messaging_outbox
      WHERE (position > %s OR position IS NULL) AND type = ANY(%s) LIMIT %s) AS beyond
"""


def _lag(item: Subscription, source: str) -> Lag:
    try:
        with connections[item.alias].cursor() as cursor:
            cursor.execute(_CURSOR, [source, item.name])
            position, is_paused, reason = cursor.fetchone() or (0, False, "")
            cursor.execute(_WAITING, [item.name, source, COUNTED])
            waiting, oldest, parked = cursor.fetchone()
        beyond, age = _beyond(source, position, list(item.events))
    except (Error, PeerAway) as error:
        return Lag(item.alias, source, item.name, None, None, 0, False, str(error).partition("\n")[0])
    return Lag(item.alias, source, item.name, waiting + beyond, max(oldest, age), parked, is_paused, reason)


def _beyond(source: str, position: int, types: list[str]) -> tuple[int, float]:
    """Events after a position, and the age of the oldest in seconds; of a peer's log positions are counted, ageless."""
    if not is_here(source):
        head = read_head(source)
        return max(0, head.head - position) if head else 0, 0.0
    with connections[source].cursor() as cursor:
        cursor.execute(_NOT_COPIED, [position, types, COUNTED])
        found: tuple[int, float] = cursor.fetchone()
    return found


def pause(handler: str, source: str = "", *, reason: str) -> int:
    """Stop copying a source (default: all it reads) for a handler; return how many pairs were stopped.

    What is in its inbox already is still handled. Raises NoSuchPair.
    """
    item, sources = _pair(handler, source)
    with transaction(item.alias), connections[item.alias].cursor() as cursor:
        cursor.execute(
            """UPDATE messaging_inbox_cursor
               SET is_paused = true, pause_reason = %s, updated_at = statement_timestamp()
               WHERE handler = %s AND source = ANY(%s) AND NOT is_paused""",
            [reason[:200], item.name, sources],
        )
        return int(cursor.rowcount)


def resume(handler: str, source: str = "", *, first: int | None = None) -> int:
    """Copy again, from where it stopped or from position `first`; return how many pairs were started.

    Whoever resumes vouches for the log: a source restored from a backup is taken as it now is. Raises NoSuchPair,
    PeerAway.
    """
    item, sources = _pair(handler, source)
    return sum(_resume(item, one, first) for one in sources)


def _resume(item: Subscription, source: str, first: int | None) -> int:
    head = read_head(source)
    if head is None:
        return 0
    with transaction(item.alias), connections[item.alias].cursor() as cursor:
        cursor.execute(
            """UPDATE messaging_inbox_cursor SET is_paused = false, pause_reason = '', epoch = %s,
                   position = least(coalesce(%s, position), %s), anchor = NULL, anchor_id = NULL,
                   updated_at = statement_timestamp()
               WHERE handler = %s AND source = %s AND is_paused""",
            [head.epoch, None if first is None else first - 1, head.head, item.name, source],
        )
        resumed = int(cursor.rowcount)
    if is_here(source):
        ring(source)
    return resumed


def _pair(handler: str, source: str) -> tuple[Subscription, list[str]]:
    item = subscriptions().get(handler)
    if item is None:
        raise NoSuchPair(f"there is no handler {handler}")
    if source and source not in item.sources:
        raise NoSuchPair(f"{handler} reads {', '.join(sorted(item.sources))}, not {source}")
    return item, [source] if source else sorted(item.sources)
