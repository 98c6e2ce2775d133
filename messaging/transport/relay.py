"""The relay: gives committed events their positions and copies them into the inboxes of their subscribers.

Any number of relays may run at once: a head or a cursor moves only from where it was seen, in the one statement that
places or copies, so a relay may die between any two.
"""

import threading
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
import structlog
from django.db import connections

from core.db import fetch, transaction
from core.events import REGISTRY
from core.ids import uuid7
from core.running import failpoints, traces
from messaging.subscriptions import Subscription, list_subscriptions, subscriptions
from messaging.transport.logs import Cursor, Head, Log, Page, Row

BATCH = 500
RESTORED = "source restored from a backup"
"""Why the relay pauses a pair; `messaging.transport.restores` sets it going again."""
log = structlog.get_logger(__name__)
Wakeup = tuple[str, str, int]

_PLACED = "position", "id", "aggregate_id", "seq", "type", "data", "headers"
_SEQUENCE = f"""
WITH batch AS (
    SELECT n, row_number() OVER (ORDER BY n) AS k
    FROM (SELECT n FROM messaging_outbox WHERE position IS NULL ORDER BY n LIMIT %(limit)s) AS waiting
), head AS (
    UPDATE messaging_feed_head SET position = position + (SELECT count(*) FROM batch)
    WHERE id = 1 AND position = %(head)s AND EXISTS (SELECT 1 FROM batch) RETURNING id
), placed AS (
    UPDATE messaging_outbox AS o SET position = %(head)s + batch.k FROM batch, head WHERE o.n = batch.n
    RETURNING {", ".join(f"o.{name}" for name in _PLACED)}
)
SELECT (SELECT count(*) FROM batch) AS waiting, h.position AS head, p.*
FROM messaging_feed_head AS h LEFT JOIN placed AS p ON true WHERE h.id = 1 ORDER BY p.position
"""

_DELIVER = """
WITH seen AS (
    SELECT * FROM unnest(%(handlers)s::text[], %(epochs)s::uuid[], %(positions)s::bigint[], %(anchors)s::bigint[],
                         %(anchor_ids)s::uuid[]) AS s(handler, epoch, position, anchor, anchor_id)
), held AS (
    SELECT c.handler FROM messaging_inbox_cursor AS c JOIN seen AS s USING (handler)
    WHERE c.source = %(source)s AND NOT c.is_paused AND (c.epoch, c.position) = (s.epoch, s.position)
        AND c.anchor IS NOT DISTINCT FROM s.anchor AND c.anchor_id IS NOT DISTINCT FROM s.anchor_id
    ORDER BY c.handler FOR UPDATE OF c
), moved AS (
    UPDATE messaging_inbox_cursor AS c SET position = %(to)s, updated_at = statement_timestamp(),
        anchor = CASE WHEN %(to_id)s::uuid IS NULL THEN anchor ELSE %(to)s END,
        anchor_id = coalesce(%(to_id)s, anchor_id)
    FROM held WHERE c.source = %(source)s AND c.handler = held.handler RETURNING c.handler, {is_needed} AS is_needed
), delivered AS (
    INSERT INTO messaging_inbox (event_id, handler, source, aggregate, aggregate_id, seq, lane, shard, type, version,
                                 data, headers, status, attempts, last_error)
    SELECT t.event_id, handler, %(source)s, t.aggregate, t.aggregate_id, t.seq, t.lane, t.shard, t.type, t.version,
           t.data, t.headers, 0, 0, ''
    FROM unnest(%(rows_event_id)s::uuid[], %(rows_handler)s::text[], %(rows_aggregate)s::text[],
            %(rows_aggregate_id)s::text[], %(rows_seq)s::bigint[], %(rows_lane)s::text[], %(rows_shard)s::int[],
            %(rows_type)s::text[], %(rows_version)s::int[], %(rows_data)s::jsonb[], %(rows_headers)s::jsonb[])
        WITH ORDINALITY AS t(event_id, handler, aggregate, aggregate_id, seq, lane, shard, type, version, data, headers,
                             rank)
    JOIN moved USING (handler) WHERE moved.is_needed ORDER BY t.rank
    ON CONFLICT (event_id, handler) DO NOTHING
)
SELECT handler, is_needed, set_config('synchronous_commit', 'off', true) FROM moved
"""
"""Delivers, but to those that need nothing now, and moves cursors. Need not reach the disk before anybody goes on: a
crash that takes the copies takes the cursors' moves with them, and whatever was handled was written after its copy."""
_ROWS = "event_id", "handler", "aggregate", "aggregate_id", "seq", "lane", "shard", "type", "version", "data", "headers"


class _LastSeen(threading.local):
    """Heads and cursors as this thread last saw them: it moves them only from there, so they may have moved since."""

    def __init__(self) -> None:
        self.heads: dict[str, int] = {}
        self.cursors: dict[tuple[str, str], dict[str, Cursor]] = {}


_last_seen = _LastSeen()


def sequence(source: str) -> list[dict[str, Any]]:
    """Give positions to up to 500 waiting events of `source`; return them in that order.

    One statement, which writes nothing where nothing waits. It moves the head only from where a statement before has
    seen it: then its snapshot has all that was placed up to there, and no position is skipped or given twice.
    """
    waiting, placed = 1, list[dict[str, Any]]()
    while waiting and not placed:
        waiting, placed = _place(source)
    if placed:
        failpoints.reach("relay.after_sequence", source)
    return placed


def _place(source: str) -> tuple[int, list[dict[str, Any]]]:
    """Place what waits if the head is where it was seen; return how many events wait, and those that were placed."""
    known = _last_seen.heads.get(source, 0)
    rows = fetch(source, _SEQUENCE, {"limit": BATCH, "head": known})
    if not rows:
        with transaction(source), connections[source].cursor() as cursor:
            _last_seen.heads[source] = lock_head(cursor)
        return 1, []
    placed = [dict(zip(_PLACED, row[2:], strict=True)) for row in rows if row[2] is not None]
    _last_seen.heads[source] = known + len(placed) if placed else rows[0][1]
    return rows[0][0], placed


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
    return sorted((item for item in list_subscriptions(alias) if source in item.sources), key=lambda item: item.name)


def list_types(source: str, handlers: Iterable[Subscription]) -> set[str]:
    """Types of the source's events that some of the handlers hear."""
    return {name for item in handlers for name in item.events if REGISTRY[name].app() == source}


def copy(source: str, alias: str, log: Log | None = None, *, is_wanted: bool = False) -> tuple[set[Wakeup], bool]:
    """Copy the next events of `source` into the inbox of `alias`; return the shards to wake and whether more wait.

    The log is read after the cursors, never before: another relay may have moved them on to events placed since, and
    a head older than a cursor means that the log was restored. Then one statement delivers and moves those cursors
    that still stand where they were seen; whoever moved another one is not overtaken: it is looked at again.
    `log` is one that the caller shares among subscribers. `is_wanted`: the caller knows of events for this one, so
    cursors may be taken to be where they were left.
    """
    handlers = readers(source, alias)
    log = log or Log(source, list_types(source, handlers))
    known = _last_seen.cursors.get((source, alias)) if is_wanted else None
    if known is None:
        known = _last_seen.cursors[source, alias] = read_cursors(source, alias, handlers)
    missing = [item for item in handlers if item.name not in known]
    going = {item.name: known[item.name] for item in handlers if item not in missing}
    going = {name: cursor for name, cursor in going.items() if not cursor.is_paused}
    if not going and not missing:
        return set(), False
    page = log.page(going.values(), 0 if missing else min(cursor.position for cursor in going.values()))
    if page is None:
        return set(), False
    head = Head(page.epoch, page.head, page.event_id)
    if missing:
        _begin(source, alias, missing, head)
        return copy(source, alias, log)
    reached = Head(head.epoch, *page.rows[-1][:2]) if page.is_full else head
    standing = _standing(source, alias, going, page)
    behind = {name: cursor for name, cursor in standing.items() if cursor.position < reached.position}
    wakeups, moved = _take_in(source, alias, handlers, behind, page.rows, reached)
    if len(moved) < len(behind) or len(standing) < len(going):  # look again where they are
        del _last_seen.cursors[source, alias]
        return wakeups, True
    known.update((name, behind[name].moved_to(reached)) for name in moved)
    return wakeups, reached.position < head.position


def copy_all(source: str, alias: str) -> int:
    """Copy all that waits in `source` for `alias`; return how many shards were to wake."""
    total, has_more = 0, True
    while has_more:
        shards, has_more = copy(source, alias)
        total += len(shards)
    return total


def shared_log(source: str, aliases: Iterable[str]) -> Log:
    """Open a log for the subscribers in some databases, who share its pages."""
    handlers = [item for alias in aliases for item in readers(source, alias)]
    left = [cursor for alias in aliases for cursor in _last_seen.cursors.get((source, alias), {}).values()]
    return Log(source, list_types(source, handlers), [cursor for cursor in left if not cursor.is_paused])


def _take_in(
    source: str, alias: str, handlers: list[Subscription], behind: dict[str, Cursor], rows: list[Row], reached: Head
) -> tuple[set[Wakeup], set[str]]:
    """Deliver rows to the handlers that are `behind`, and move their cursors with that.

    Returns the shards to wake, and the handlers whose cursors stood where they were seen.
    """
    if not behind:
        return set(), set()
    deliveries: list[tuple[Any, ...]] = []
    for position, event_id, aggregate, aggregate_id, seq, name, version, data, given in rows:
        headers = ""
        for item in handlers:
            if item.name in behind and name in item.events and position > behind[item.name].position:
                headers = headers or traces.pass_on(f"relay {source} to {alias}", event_id, given, event=name)
                key = item.partition_key(aggregate_id, msgspec.json.decode(data))
                shard = item.shard(key)
                deliveries.append(
                    (event_id, item.name, aggregate, aggregate_id, seq, key, shard, name, version, data, headers)
                )
    if deliveries:
        failpoints.reach("relay.before_cursor", alias)
    moved = _hand_over(source, alias, behind, deliveries, reached)
    return {(alias, row[1], row[6]) for row in deliveries if moved.get(row[1])}, set(moved)


def _hand_over(
    source: str, alias: str, behind: dict[str, Cursor], deliveries: list[tuple[Any, ...]], reached: Head
) -> dict[str, bool]:
    """Return the handlers whose cursors were moved, and whether each needs what is delivered."""
    cursors = list(behind.values())
    columns = zip(*deliveries, strict=True) if deliveries else [()] * len(_ROWS)
    values: dict[str, Any] = {f"rows_{name}": list(column) for name, column in zip(_ROWS, columns, strict=True)}
    values |= {
        "source": source,
        "handlers": list(behind),
        "epochs": [each.epoch for each in cursors],
        "positions": [each.position for each in cursors],
        "anchors": [each.anchor for each in cursors],
        "anchor_ids": [each.anchor_id for each in cursors],
        "to": reached.position,
        "to_id": reached.event_id,
    }
    return {name: is_needed for name, is_needed, _ in fetch(alias, _deliver_to(behind), values)}


def _deliver_to(handlers: Iterable[str]) -> str:
    """Write the statement that delivers to some handlers, with the conditions of those that have one."""
    known = subscriptions()
    cases = [f"WHEN '{name}' THEN {known[name].needed_while}" for name in handlers if known[name].needed_while]
    return _DELIVER.format(is_needed=f"CASE c.handler {' '.join(cases)} ELSE true END" if cases else "true")


def read_cursors(source: str, alias: str, handlers: list[Subscription], lock: str = "") -> dict[str, Cursor]:
    """Read the cursors, in the one order in which all relays lock them."""
    sql = f"""SELECT handler, epoch, position, is_paused, anchor, anchor_id FROM messaging_inbox_cursor
              WHERE source = %s AND handler = ANY(%s) ORDER BY handler {lock}"""
    return {name: Cursor(*rest) for name, *rest in fetch(alias, sql, [source, [item.name for item in handlers]])}


def _begin(source: str, alias: str, handlers: list[Subscription], head: Head) -> None:
    """Make the cursors of new handlers, at the beginning of the log or at its head."""
    with connections[alias].cursor() as cursor:
        cursor.executemany(
            """INSERT INTO messaging_inbox_cursor
                   (source, handler, epoch, position, is_paused, pause_reason, updated_at)
               VALUES (%s, %s, %s, %s, false, '', statement_timestamp()) ON CONFLICT DO NOTHING""",
            [(source, item.name, head.epoch, head.position if item.start == "now" else 0) for item in handlers],
        )


def _standing(source: str, alias: str, going: dict[str, Cursor], page: Page) -> dict[str, Cursor]:
    """Cursors that may go on; those who have read another log than this one are paused.

    A restored log shows by its epoch, by an end before what was read, or, once new events have taken the places of
    lost ones, by another event where a cursor had seen its anchor: a log that holds the anchor holds all before it.
    """
    ids: dict[int | None, UUID] = dict(page.seen)
    restored = {
        name: cursor
        for name, cursor in going.items()
        if not cursor.may_have_read(page.epoch, page.head)
        or ids.get(cursor.anchor, cursor.anchor_id) != cursor.anchor_id  # purged ones speak neither way
    }
    _pause(source, alias, restored)
    return {name: cursor for name, cursor in going.items() if name not in restored}


def holds(source: str, cursor: Cursor) -> bool:
    """Tell whether a log still holds what the cursor saw at its anchor."""
    return cursor.anchor is not None and _events_at(source, {cursor.anchor}).get(cursor.anchor) == cursor.anchor_id


def _events_at(source: str, positions: Iterable[int]) -> dict[int | None, UUID]:
    """Ids of the events that a log still has at some positions."""
    with connections[source].cursor() as cursor:
        cursor.execute("SELECT position, id FROM messaging_outbox WHERE position = ANY(%s)", [sorted(positions)])
        return dict(cursor.fetchall())


def _pause(source: str, alias: str, restored: dict[str, Cursor]) -> None:
    """Stop reading a source whose log is not the one read before: an operator must say where to go on.

    A cursor that does not stand any more where it was seen is nobody's to judge.
    """
    for name, seen in restored.items():
        with connections[alias].cursor() as cursor:
            cursor.execute(
                """UPDATE messaging_inbox_cursor SET is_paused = true, pause_reason = %s,
                       updated_at = statement_timestamp()
                   WHERE source = %s AND handler = %s AND (epoch, position) = (%s, %s)
                       AND anchor IS NOT DISTINCT FROM %s AND anchor_id IS NOT DISTINCT FROM %s""",
                [RESTORED, source, name, seen.epoch, seen.position, seen.anchor, seen.anchor_id],
            )
            is_paused = cursor.rowcount > 0
        if is_paused:
            log.error("source_restored", source=source, alias=alias, handler=name)
