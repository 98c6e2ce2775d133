"""Restores: an operator declares that a log is a backup's, and every handler goes on where it stops knowing the log.

A backup is older than what was read of it. Handlers may have seen events that the log no longer has, and new events
may stand, or come to stand, at positions that others had. So the log begins a new epoch beyond every position that
anybody has read, which also tells live clients to start over; and each cursor goes back to the last event of this very
log that its handler has in its inbox. What follows there is new to it, and an inbox takes no event twice.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connections

from core.db import transaction
from core.ids import uuid7
from messaging.subscriptions import Subscription, list_subscriptions
from messaging.transport import relay
from messaging.transport.logs import Cursor
from messaging.transport.relay_loop import list_targets

CHUNK = 1000


@dataclass(frozen=True)
class Onward:
    """A handler after a restore: it had read up to `had_read`, and goes on after `position`.

    None: it began in the midst of the log and has none of its events, so nobody can tell; it stays paused.
    """

    handler: str
    had_read: int
    position: int | None


def declare(source: str) -> list[Onward]:
    """Take the log of `source` as it now is, and let all its readers go on; return where.

    Every reader's database must answer, or nothing is changed. Harmless when repeated, or when nothing was restored.
    Raises what a database that is away raises.
    """
    targets = list_targets(source)
    highest = max((_highest_read(source, alias) for alias in targets), default=0)
    head, epoch = _begin_epoch(source, highest)
    return [onward for alias in targets for onward in _go_on(source, alias, head, epoch)]


def _highest_read(source: str, alias: str) -> int:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(max(greatest(position, coalesce(anchor, 0))), 0) FROM messaging_inbox_cursor
               WHERE source = %s""",
            [source],
        )
        return int(cursor.fetchone()[0])


def _begin_epoch(source: str, highest: int) -> tuple[int, UUID]:
    """Begin a life of the log in which no position is given out again; return the head of the old one, and the new."""
    with transaction(source), connections[source].cursor() as cursor:
        head, epoch = relay.lock_head(cursor), uuid7()
        began_at = max(head, highest) + 1
        cursor.execute(
            "UPDATE messaging_feed_head SET epoch = %s, position = %s, began_at = %s WHERE id = 1",
            [epoch, began_at, began_at],
        )
    return head, epoch


def _go_on(source: str, alias: str, head: int, epoch: UUID) -> list[Onward]:
    """Send the cursors of one database to where their handlers stop knowing the log."""
    handlers = [item for item in list_subscriptions(alias) if source in item.sources]
    found = []
    with transaction(alias):
        for name, cursor in relay.read_cursors(source, alias, handlers, "FOR UPDATE").items():
            item = next(one for one in handlers if one.name == name)
            position = _last_known(source, item, cursor, head)
            found.append(Onward(name, cursor.position, position))
            _place(source, item, position, epoch)
    return found


def _last_known(source: str, item: Subscription, cursor: Cursor, head: int) -> int | None:
    """The position up to which the handler knows this log: its own where the log still holds what it saw there."""
    if cursor.position <= (cursor.anchor or 0) <= head and relay.holds(source, cursor):
        return cursor.position
    below = min(cursor.position, head) + 1
    while rows := _events_below(source, item, below):
        known = _received(item, [event_id for _, event_id in rows])
        seen = max((position for position, event_id in rows if event_id in known), default=None)
        if seen is not None:
            return _before_disorder(source, item, seen)
        below = rows[-1][0]
    return None if item.start == "now" and cursor.position else 0


def _before_disorder(source: str, item: Subscription, seen: int) -> int:
    """The position before the first of the last batch that the handler does not know.

    What was being placed while the backup was made waits in it for its position, and one batch may be placed in
    another order the second time, with what became visible meanwhile in its midst.
    """
    rows = [(at, event_id) for at, event_id in _events_below(source, item, seen + 1) if at > seen - relay.BATCH]
    known = _received(item, [event_id for _, event_id in rows])
    return min((at - 1 for at, event_id in rows if event_id not in known), default=seen)


def _events_below(source: str, item: Subscription, below: int) -> list[tuple[int, UUID]]:
    with connections[source].cursor() as cursor:
        cursor.execute(
            """SELECT position, id FROM messaging_outbox WHERE position < %s AND type = ANY(%s)
               ORDER BY position DESC LIMIT %s""",
            [below, list(item.events), CHUNK],
        )
        rows: list[tuple[int, UUID]] = cursor.fetchall()
    return rows


def _received(item: Subscription, events: list[UUID]) -> set[UUID]:
    with connections[item.alias].cursor() as cursor:
        cursor.execute(
            "SELECT event_id FROM messaging_inbox WHERE handler = %s AND event_id = ANY(%s)", [item.name, events]
        )
        return {event_id for (event_id,) in cursor.fetchall()}


def _place(source: str, item: Subscription, position: int | None, epoch: UUID) -> None:
    """Send a cursor there and start it, unless an operator had paused it for another reason."""
    values: list[Any] = [relay.RESTORED]
    if position is None:
        change = "is_paused = true, pause_reason = %s"
    else:
        change = """epoch = %s, position = %s, anchor = NULL, anchor_id = NULL,
                    is_paused = is_paused AND pause_reason <> %s,
                    pause_reason = CASE WHEN pause_reason = %s THEN '' ELSE pause_reason END"""
        values = [epoch, position, relay.RESTORED, relay.RESTORED]
    with connections[item.alias].cursor() as cursor:
        cursor.execute(
            f"""UPDATE messaging_inbox_cursor SET {change}, updated_at = statement_timestamp()
                WHERE source = %s AND handler = %s""",
            [*values, source, item.name],
        )
