"""The relay: gives committed events their positions and copies them into the inboxes of their subscribers.

Row locks make any number of relays safe at once; progress is a cursor that moves in the subscriber's own
transaction, so a relay may die between any two statements.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import structlog
from django.db import connections

from core import failpoints
from core.db import transaction
from core.events import REGISTRY
from core.ids import uuid7
from messaging.peering import peers
from messaging.subscriptions import Subscription, subscriptions_of
from messaging.transport.logs import READ, FarLog

BATCH = 500
RESTORED = "source restored from a backup"
"""Why the relay pauses a pair; `messaging.transport.restores` sets it going again."""
log = structlog.get_logger(__name__)
Wakeup = tuple[str, str, int]

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

_STANDING = "SELECT source, handler, epoch, position, is_paused, anchor, anchor_id FROM messaging_inbox_cursor"

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

    Most looks find nothing, and a lock goes to disk: so it is looked first. The head is locked in a statement of its
    own: the next one must see what the previous holder committed.
    """
    if not _has_waiting(source):
        return []
    with transaction(source), connections[source].cursor() as cursor:
        head = lock_head(cursor)
        cursor.execute(_SEQUENCE, [BATCH, head])
        names = [column.name for column in cursor.description]
        placed = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        if placed:
            cursor.execute("UPDATE messaging_feed_head SET position = %s WHERE id = 1", [head + len(placed)])
    if placed:
        failpoints.reach("relay.after_sequence", source)
    return placed


def _has_waiting(source: str) -> bool:
    """Say whether an event waits for its position, or the database for its first head: handlers begin there."""
    with connections[source].cursor() as cursor:
        cursor.execute(
            """SELECT EXISTS (SELECT 1 FROM messaging_outbox WHERE position IS NULL)
                   OR NOT EXISTS (SELECT 1 FROM messaging_feed_head WHERE id = 1)"""
        )
        (found,) = cursor.fetchone()
    return bool(found)


def lock_head(cursor: Any) -> int:
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


def readers(source: str, alias: str) -> list[Subscription]:
    """Handlers of `alias` that read `source`, in the one order in which their cursors are locked."""
    return sorted((item for item in subscriptions_of(alias) if source in item.sources), key=lambda item: item.name)


def types_of(source: str, handlers: Iterable[Subscription]) -> set[str]:
    """Types of the source's events that some of the handlers hear."""
    return {name for item in handlers for name in item.events if REGISTRY[name].app() == source}


def copy(source: str, alias: str, log: FarLog | None = None, *, is_wanted: bool = False) -> tuple[set[Wakeup], bool]:
    """Copy the next events of `source` into the inbox of `alias`; return the shards to wake and whether more wait.

    A log whose database is not here is asked of the peer that has it: through `log`, where the caller shares one.
    `is_wanted`: the caller knows of events for it, and that each of its handlers has a cursor.
    """
    handlers = readers(source, alias)
    if peers.is_here(source):
        return _copy_near(source, alias, handlers, is_wanted)
    return _copy_far(source, alias, handlers, log or FarLog(source, types_of(source, handlers)))


def _copy_near(source: str, alias: str, handlers: list[Subscription], is_wanted: bool) -> tuple[set[Wakeup], bool]:
    """Copy by SQL.

    The source's head is read while the cursors are locked, never before: another relay may have moved them on to
    events placed since, and a head older than a cursor means that the log was restored. Whoever moved a cursor had
    read a head that was committed, and nobody moves it while it is locked, so a head read then cannot be older.
    """
    if not handlers or not (is_wanted or _may_be_behind(source, alias, handlers)):
        return set(), False
    with transaction(alias):
        cursors = lock_cursors(source, alias, handlers)
        with transaction(
            source
        ):  # one session from the head to the last row: never half of a log and half of its backup
            head = head_of(source)
            if head is None:
                return set(), False
            standing = _standing(source, alias, cursors, head)
            behind = {name: position for name, position in standing.items() if position < head.position}
            wanting = [item for item in handlers if item.name in behind]
            rows = _read(source, min(behind.values()), head.position, wanting) if behind else []
        if not behind:
            return set(), False
        reached = head if len(rows) < BATCH else Head(head.epoch, *rows[-1][:2])
        wakeups = _take_in(source, alias, handlers, behind, rows, reached)
    return wakeups, reached.position < head.position


def _copy_far(source: str, alias: str, handlers: list[Subscription], log: FarLog) -> tuple[set[Wakeup], bool]:
    """Copy what a peer tells of its log, asked before any lock is taken.

    Meanwhile another relay may move a cursor on, or an operator move it back. So under the locks only those go on that
    stand within the page, and rows at or below a cursor are dropped. And only a cursor that nobody moved since before
    the peer was asked can show that the log was restored: it had been read from a head older than the page's.
    """
    before = _cursors(source, alias, handlers)
    going = [cursor for cursor in before.values() if not cursor.is_paused]
    missing = [item for item in handlers if item.name not in before]
    if not going and not missing:
        return set(), False
    after = 0 if missing else min(cursor.position for cursor in going)
    page = log.page(
        after, anchors_of(going), lambda page: all(cursor.may_have_read(page.epoch, page.head) for cursor in going)
    )
    if page is None:
        return set(), False
    head = Head(page.epoch, page.head, page.event_id)
    if missing:
        _begin(source, alias, missing, head)
    elif all(cursor.stands_at(head) for cursor in going):
        return set(), False
    reached = Head(head.epoch, *page.rows[-1][:2]) if page.is_full else head
    with transaction(alias):
        cursors = lock_cursors(source, alias, handlers)
        unmoved = {name: cursor for name, cursor in cursors.items() if before.get(name) == cursor}
        standing = _standing(source, alias, unmoved, head, dict(page.seen))
        for name, cursor in cursors.items():
            if name not in unmoved and not cursor.is_paused and cursor.may_have_read(head.epoch, head.position):
                standing[name] = cursor.position
        behind = {name: position for name, position in standing.items() if after <= position < reached.position}
        wakeups = _take_in(source, alias, handlers, behind, page.rows, reached)
    return wakeups, reached.position < head.position


def _take_in(
    source: str,
    alias: str,
    handlers: list[Subscription],
    behind: dict[str, int],
    rows: Iterable[tuple[Any, ...]],
    reached: "Head",
) -> set[Wakeup]:
    """Deliver rows to the handlers that are `behind`, and move their cursors with that."""
    wakeups = _deliver(source, alias, [item for item in handlers if item.name in behind], behind, rows)
    if wakeups:
        failpoints.reach("relay.before_cursor", alias)
    _move_cursors(source, alias, [name for name, position in behind.items() if position < reached.position], reached)
    return wakeups


class Head(NamedTuple):
    """A place in a log: `event_id` is of the event at `position`, None where that was purged or never was."""

    epoch: UUID
    position: int
    event_id: UUID | None


def head_of(source: str) -> Head | None:
    """Read the end of a log; None before its first event was placed."""
    with connections[source].cursor() as cursor:
        cursor.execute(
            """SELECT h.epoch, h.position, o.id FROM messaging_feed_head AS h
               LEFT JOIN messaging_outbox AS o ON o.position = h.position WHERE h.id = 1"""
        )
        found = cursor.fetchone()
    return found and Head(*found)


def _may_be_behind(source: str, alias: str, handlers: list[Subscription]) -> bool:
    """Look without locking whether there may be something to do: row locks go to disk, most looks find nothing.

    Where it says no, every cursor stood exactly at a head that had been committed. All else is decided under the lock.
    """
    head = head_of(source)
    if head is None:
        return False
    known = _cursors(source, alias, handlers)
    missing = [item for item in handlers if item.name not in known]
    if missing:
        _begin(source, alias, missing, head)
    going = [cursor for cursor in known.values() if not cursor.is_paused]
    return bool(missing) or any(not cursor.stands_at(head) for cursor in going)


def lagging(alias: str, heads: Mapping[str, Head]) -> list[str]:
    """List the logs of which a handler of `alias` may not have read all, by one look at all its cursors.

    New handlers get theirs. Of the other logs every cursor stood exactly at a head that had been committed; `copy`
    decides under the lock.
    """
    with connections[alias].cursor() as cursor:
        cursor.execute(_STANDING)
        known = {(source, name): Cursor(*rest) for source, name, *rest in cursor.fetchall()}
    found = []
    for source, head in sorted(heads.items()):
        handlers = readers(source, alias)
        missing = [item for item in handlers if (source, item.name) not in known]
        if missing:
            _begin(source, alias, missing, head)
        going = [known[source, item.name] for item in handlers if item not in missing]
        if missing or any(not (cursor.is_paused or cursor.stands_at(head)) for cursor in going):
            found.append(source)
    return found


class Cursor(NamedTuple):
    """Position to which a handler has read. It saw `anchor_id` at position `anchor`, wherever it was sent since."""

    epoch: UUID
    position: int
    is_paused: bool
    anchor: int | None
    anchor_id: UUID | None

    def may_have_read(self, epoch: UUID, head: int) -> bool:
        """Tell whether it can have come from a log with this head."""
        return self.epoch == epoch and max(self.position, self.anchor or 0) <= head

    def stands_at(self, head: Head) -> bool:
        """Tell whether there is surely nothing to do."""
        is_there = (self.epoch, self.position) == (head.epoch, head.position)
        return is_there and (self.anchor != head.position or head.event_id in (None, self.anchor_id))


def _cursors(source: str, alias: str, handlers: list[Subscription], lock: str = "") -> dict[str, Cursor]:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            f"""SELECT handler, epoch, position, is_paused, anchor, anchor_id FROM messaging_inbox_cursor
                WHERE source = %s AND handler = ANY(%s) ORDER BY handler {lock}""",
            [source, [item.name for item in handlers]],
        )
        return {name: Cursor(*rest) for name, *rest in cursor.fetchall()}


def lock_cursors(source: str, alias: str, handlers: list[Subscription]) -> dict[str, Cursor]:
    """Lock the cursors as they stand now, in one order for all relays."""
    return _cursors(source, alias, handlers, "FOR UPDATE")


def _begin(source: str, alias: str, handlers: list[Subscription], head: Head) -> None:
    """Make the cursors of new handlers, at the beginning of the log or at its head."""
    with connections[alias].cursor() as cursor:
        cursor.executemany(
            """INSERT INTO messaging_inbox_cursor
                   (source, handler, epoch, position, is_paused, pause_reason, updated_at)
               VALUES (%s, %s, %s, %s, false, '', statement_timestamp()) ON CONFLICT DO NOTHING""",
            [(source, item.name, head.epoch, head.position if item.start == "now" else 0) for item in handlers],
        )


def anchors_of(cursors: Iterable[Cursor]) -> set[int]:
    """Positions at which cursors that are not paused have seen an event."""
    return {cursor.anchor for cursor in cursors if cursor.anchor and not cursor.is_paused}


def _standing(
    source: str, alias: str, cursors: dict[str, Cursor], head: Head, ids: Mapping[int | None, UUID] | None = None
) -> dict[str, int]:
    """Positions of the handlers that may go on; those who have read another log than this one are paused.

    A restored log shows by its epoch, by an end before what was read, or, once new events have taken the places of
    lost ones, by another event where a cursor had seen its anchor: a log that holds the anchor holds all before it.
    `ids` are those that the log holds at the anchors, where a peer has told them.
    """
    going = {name: cursor for name, cursor in cursors.items() if not cursor.is_paused}
    if ids is None:
        ids = _events_at(source, anchors_of(cursors.values()))
    restored = {
        name
        for name, cursor in going.items()
        if not cursor.may_have_read(head.epoch, head.position)
        or ids.get(cursor.anchor, cursor.anchor_id) != cursor.anchor_id  # purged ones speak neither way
    }
    _pause(source, alias, sorted(restored))
    return {name: cursor.position for name, cursor in going.items() if name not in restored}


def holds(source: str, cursor: Cursor) -> bool:
    """Tell whether a log still holds what the cursor saw at its anchor."""
    return cursor.anchor is not None and _events_at(source, {cursor.anchor}).get(cursor.anchor) == cursor.anchor_id


def _events_at(source: str, positions: Iterable[int]) -> dict[int | None, UUID]:
    """Ids of the events that a log still has at some positions."""
    with connections[source].cursor() as cursor:
        cursor.execute("SELECT position, id FROM messaging_outbox WHERE position = ANY(%s)", [sorted(positions)])
        return dict(cursor.fetchall())


def _pause(source: str, alias: str, names: list[str]) -> None:
    """Stop reading a source whose log is not the one read before: an operator must say where to go on."""
    if not names:
        return
    log.error("source_restored", source=source, alias=alias, handlers=names)
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """UPDATE messaging_inbox_cursor SET is_paused = true, pause_reason = %s,
                   updated_at = statement_timestamp() WHERE source = %s AND handler = ANY(%s)""",
            [RESTORED, source, names],
        )


def _read(source: str, after: int, head: int, handlers: list[Subscription]) -> list[tuple[Any, ...]]:
    with connections[source].cursor() as cursor:
        cursor.execute(READ, [after, head, sorted(types_of(source, handlers)), BATCH])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _deliver(
    source: str, alias: str, handlers: list[Subscription], behind: dict[str, int], rows: Iterable[tuple[Any, ...]]
) -> set[Wakeup]:
    deliveries: list[tuple[Any, ...]] = []
    wakeups: set[Wakeup] = set()
    for position, event_id, aggregate, aggregate_id, seq, name, version, data, headers in rows:
        for item in handlers:
            if name not in item.events or position <= behind[item.name]:
                continue
            key = item.partition_key(aggregate_id, _loads(data))
            shard = item.shard(key)
            wakeups.add((alias, item.name, shard))
            deliveries.append(
                (event_id, item.name, source, aggregate, aggregate_id, seq, key, shard, name, version, data, headers)
            )
    if deliveries:
        with connections[alias].cursor() as cursor:
            cursor.execute(_DELIVER, [list(column) for column in zip(*deliveries, strict=True)])
    return wakeups


def _loads(data: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(data)
    return decoded


def _move_cursors(source: str, alias: str, names: list[str], to: Head) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """UPDATE messaging_inbox_cursor SET position = %s, updated_at = statement_timestamp(),
                   anchor = CASE WHEN %s::uuid IS NULL THEN anchor ELSE %s END, anchor_id = coalesce(%s, anchor_id)
               WHERE source = %s AND handler = ANY(%s) AND position < %s""",
            [to.position, to.event_id, to.position, to.event_id, source, names, to.position],
        )
