"""The relay: gives committed events their positions and copies them into the inboxes of their subscribers.

Row locks make any number of relays safe at once; progress is a cursor that moves in the subscriber's own
transaction, so a relay may die between any two statements.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
import structlog
from django.db import connections

from core import failpoints
from core.db import transaction
from core.events import REGISTRY
from core.ids import uuid7
from messaging.subscriptions import Subscription, subscriptions_of

BATCH = 500
log = structlog.get_logger(__name__)
Nudge = tuple[str, str, int]

_SEQUENCE = """
WITH batch AS (
    SELECT n, row_number() OVER (ORDER BY n) AS k
    FROM (SELECT n FROM messaging_outbox WHERE position IS NULL ORDER BY n LIMIT %s) AS waiting
), placed AS (
    UPDATE messaging_outbox AS o SET position = %s + batch.k FROM batch WHERE o.n = batch.n
    RETURNING o.position, o.id, o.aggregate_id, o.seq, o.type, o.data, o.headers
)
SELECT * FROM placed ORDER BY position
"""

_READ = """
SELECT position, id, aggregate, aggregate_id, seq, type, version, data, headers
FROM messaging_outbox
WHERE position > %s AND position <= %s AND type = ANY(%s)
ORDER BY position LIMIT %s
"""

_DELIVER = """
INSERT INTO messaging_inbox
    (event_id, handler, source, aggregate, aggregate_id, seq, lane, shard, type, version, data, headers,
     status, attempts, last_error)
SELECT t.*, 0, 0, '' FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[],
    %s::text[], %s::int[], %s::text[], %s::int[], %s::jsonb[], %s::jsonb[]) AS t
ON CONFLICT (event_id, handler) DO NOTHING
"""


def sequence(source: str) -> list[dict[str, Any]]:
    """Give positions to up to 500 waiting events of `source`; return them in that order.

    The head is locked in a statement of its own: the next one must see what the previous holder committed.
    """
    with transaction(source), connections[source].cursor() as cursor:
        head = _lock_head(cursor)
        cursor.execute(_SEQUENCE, [BATCH, head])
        names = [column.name for column in cursor.description]
        placed = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        if placed:
            cursor.execute("UPDATE messaging_feed_head SET position = %s WHERE id = 1", [head + len(placed)])
    if placed:
        failpoints.reach("relay.after_sequence", source)
    return placed


def _lock_head(cursor: Any) -> int:
    """Lock the head; a database that never had one gets a new epoch."""
    lock = "SELECT position FROM messaging_feed_head WHERE id = 1 FOR UPDATE"
    cursor.execute(lock)
    found = cursor.fetchone()
    if found is None:
        cursor.execute(
            """INSERT INTO messaging_feed_head (id, epoch, position)
               SELECT 1, %s, coalesce(max(position), 0) FROM messaging_outbox ON CONFLICT DO NOTHING""",
            [uuid7()],
        )
        cursor.execute(lock)
        found = cursor.fetchone()
    return int(found[0])


def copy(source: str, alias: str) -> tuple[set[Nudge], bool]:
    """Copy the next events of `source` into the inbox of `alias`; return the lanes to wake and whether more wait."""
    handlers = [item for item in subscriptions_of(alias) if source in item.sources]
    found = _head(source) if handlers else None
    if found is None:
        return set(), False
    epoch, head = found
    with transaction(alias):
        cursors = _lock_cursors(source, alias, handlers, epoch, head)
        behind = {name: position for name, position in cursors.items() if position < head}
        if not behind:
            return set(), False
        rows = _read(source, min(behind.values()), head, [item for item in handlers if item.name in behind])
        reached = rows[-1][0] if len(rows) == BATCH else head
        nudges = _deliver(source, alias, [item for item in handlers if item.name in behind], behind, rows)
        if nudges:
            failpoints.reach("relay.before_cursor", alias)
        _move_cursors(source, alias, [name for name, position in behind.items() if position < reached], reached)
    return nudges, reached < head


def _head(source: str) -> tuple[UUID, int] | None:
    with connections[source].cursor() as cursor:
        cursor.execute("SELECT epoch, position FROM messaging_feed_head WHERE id = 1")
        found: tuple[UUID, int] | None = cursor.fetchone()
    return found


def _lock_cursors(source: str, alias: str, handlers: list[Subscription], epoch: UUID, head: int) -> dict[str, int]:
    """Lock and return the positions of the handlers that may go on."""
    names = sorted(item.name for item in handlers)
    with connections[alias].cursor() as cursor:
        _lock = """SELECT handler, epoch, position, is_paused FROM messaging_inbox_cursor
                   WHERE source = %s AND handler = ANY(%s) ORDER BY handler FOR UPDATE"""
        cursor.execute(_lock, [source, names])
        found = {name: (known, position, paused) for name, known, position, paused in cursor.fetchall()}
        missing = [item for item in handlers if item.name not in found]
        for item in missing:
            position = head if item.start == "now" else 0
            cursor.execute(
                """INSERT INTO messaging_inbox_cursor
                       (source, handler, epoch, position, is_paused, pause_reason, updated_at)
                   VALUES (%s, %s, %s, %s, false, '', statement_timestamp()) ON CONFLICT DO NOTHING""",
                [source, item.name, epoch, position],
            )
        if missing:
            cursor.execute(_lock, [source, names])
            found = {name: (known, position, paused) for name, known, position, paused in cursor.fetchall()}
    restored = [name for name, (known, position, _) in found.items() if known != epoch or position > head]
    if restored:
        _pause(source, alias, [name for name in restored if not found[name][2]])
    return {name: position for name, (_, position, paused) in found.items() if not paused and name not in restored}


def _pause(source: str, alias: str, names: list[str]) -> None:
    """Stop reading a source whose log is not the one read before: an operator must say where to go on."""
    if not names:
        return
    log.error("source_restored", source=source, alias=alias, handlers=names)
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """UPDATE messaging_inbox_cursor SET is_paused = true, pause_reason = 'source restored from a backup',
                   updated_at = statement_timestamp() WHERE source = %s AND handler = ANY(%s)""",
            [source, names],
        )


def _read(source: str, after: int, head: int, handlers: list[Subscription]) -> list[tuple[Any, ...]]:
    types = sorted({name for item in handlers for name in item.events if REGISTRY[name].app() == source})
    with connections[source].cursor() as cursor:
        cursor.execute(_READ, [after, head, types, BATCH])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _deliver(
    source: str, alias: str, handlers: list[Subscription], behind: dict[str, int], rows: Iterable[tuple[Any, ...]]
) -> set[Nudge]:
    deliveries: list[tuple[Any, ...]] = []
    nudges: set[Nudge] = set()
    for position, event_id, aggregate, aggregate_id, seq, name, version, data, headers in rows:
        for item in handlers:
            if name not in item.events or position <= behind[item.name]:
                continue
            lane = item.lane(aggregate_id, _loads(data))
            shard = item.shard(lane)
            nudges.add((alias, item.name, shard))
            deliveries.append(
                (event_id, item.name, source, aggregate, aggregate_id, seq, lane, shard, name, version, data, headers)
            )
    if deliveries:
        with connections[alias].cursor() as cursor:
            cursor.execute(_DELIVER, [list(column) for column in zip(*deliveries, strict=True)])
    return nudges


def _loads(data: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(data)
    return decoded


def _move_cursors(source: str, alias: str, names: list[str], position: int) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """UPDATE messaging_inbox_cursor SET position = %s, updated_at = statement_timestamp()
               WHERE source = %s AND handler = ANY(%s) AND position < %s""",
            [position, source, names, position],
        )
