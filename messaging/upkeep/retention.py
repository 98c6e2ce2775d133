"""Retention: what every consumer has passed is archived if asked, then deleted, in small steps that lock nothing.

Deliveries are kept longer than the events they came from, so that no event can come back without being recognised.
"""

import gzip
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog
from django.conf import settings
from django.db import connections

from messaging.peering.reads import copied_upto
from messaging.people.personal import without_personal
from messaging.publishing.envelope import to_cloudevent
from messaging.subscriptions import subscriptions

KEEP_EVENTS = timedelta(days=90)
KEEP_DELIVERIES = timedelta(days=120)
KEEP_READINGS = timedelta(days=3 * 365)
ABANDONED = timedelta(days=30)
"""A sink that no relay has served for so long is switched off: it waits for nothing, and nothing waits for it."""
BATCH = 5_000
log = structlog.get_logger(__name__)
Tick = Callable[[str, int], None]


def purge(
    alias: str, *, now: datetime, archive: Path | None = None, tick: Tick = lambda what, n: None
) -> dict[str, int]:
    """Delete what is no longer kept of one database; return how many rows of each kind went.

    `archive` gets the events first, as gzipped lines of CloudEvents. Raises what a database that is down raises, and
    PeerAway.
    """
    done = {"events": 0, "deliveries": 0, "calls": 0, "timers": 0, "idempotency keys": 0, "readings": 0}
    for what, counts in (
        ("events", _purge_outbox(alias, now, archive)),
        ("deliveries", _purge_inbox(alias, now)),
        ("calls", _purge_plain(alias, "messaging_external_call", "finished_at", now - KEEP_DELIVERIES)),
        ("timers", _purge_plain(alias, "messaging_timer", "fired_at", now - KEEP_DELIVERIES)),
        ("idempotency keys", _purge_plain(alias, "gateway_idempotency_key", "created_at", _keys_since(now))),
        ("readings", _purge_plain(alias, "gateway_reading", "at", now - KEEP_READINGS)),
    ):
        for count in counts:
            done[what] += count
            tick(what, count)
    return done


def _keys_since(now: datetime) -> datetime:
    return now - timedelta(hours=settings.IDEMPOTENCY_HOURS)


def _execute(alias: str, sql: str, parameters: list[Any]) -> tuple[list[tuple[Any, ...]], int]:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, parameters)
        return (cursor.fetchall() if cursor.description else []), cursor.rowcount


# Events -----------------------------------------------------------------------------------------------------------
def passed(source: str, now: datetime) -> int:
    """The position up to which every handler has copied a log, and every sink in use was told of it.

    A cursor that does not exist yet will begin at the first event, or at the head: until then nothing was passed.
    """
    readers: dict[str, list[str]] = {}
    for item in subscriptions().values():
        if source in item.sources:
            readers.setdefault(item.alias, []).append(item.name)
    reached = [position for alias, names in readers.items() for position in copied_upto(alias, source, names)]
    rows, _ = _execute(source, "SELECT position FROM messaging_sink_cursor WHERE lease_until >= %s", [now - ABANDONED])
    reached += [position for (position,) in rows]
    ((head,),), _ = _execute(source, "SELECT coalesce(max(position), 0) FROM messaging_feed_head", [])
    return int(min([head, *reached]))


def _last_old(alias: str, before: datetime) -> int:
    """The last position of the log's old beginning: a log loses a prefix, never a row in its midst."""
    rows, _ = _execute(
        alias,
        """SELECT position - 1 FROM messaging_outbox WHERE position IS NOT NULL AND created_at >= %s
           ORDER BY position LIMIT 1""",
        [before],
    )
    if not rows:
        rows, _ = _execute(alias, "SELECT coalesce(max(position), 0) FROM messaging_outbox", [])
    return int(rows[0][0])


_OLDEST = """
SELECT position, id, aggregate_id, seq, type, version, data::text, headers::text, created_at FROM messaging_outbox
WHERE position <= %s ORDER BY position LIMIT %s
"""
_DROP_EVENTS = """
DELETE FROM messaging_outbox WHERE ctid = ANY(ARRAY(SELECT ctid FROM messaging_outbox WHERE position <= %s))
"""
_NTH_OLDEST = """
SELECT max(position) FROM (
    SELECT position FROM messaging_outbox WHERE position <= %s ORDER BY position LIMIT %s) AS oldest
"""


def _purge_outbox(alias: str, now: datetime, archive: Path | None) -> Iterator[int]:
    old = _last_old(alias, now - KEEP_EVENTS)
    last = min(old, passed(alias, now))
    if last < old:
        log.warning("events_kept", alias=alias, count=old - last, because="a handler or a sink has not passed them")
    while (upto := _next_step(alias, last, archive)) is not None:
        yield _execute(alias, _DROP_EVENTS, [upto])[1]


def _next_step(alias: str, last: int, archive: Path | None) -> int | None:
    """The position up to which the next step deletes, archived already; None when there is nothing left."""
    if archive is None:
        rows, _ = _execute(alias, _NTH_OLDEST, [last, BATCH])
        return None if rows[0][0] is None else int(rows[0][0])
    rows, _ = _execute(alias, _OLDEST, [last, BATCH])
    if not rows:
        return None
    _write_archive(archive / f"{alias}-{rows[0][0]:020d}-{rows[-1][0]:020d}.ndjson.gz", alias, rows)
    return int(rows[-1][0])


def _write_archive(path: Path, alias: str, rows: list[tuple[Any, ...]]) -> None:
    """On disk before anything is deleted; a step repeated after a crash writes the same file again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    with half.open("wb") as file:
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
            for row in rows:
                packed.write(_line(alias, row))
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def _line(alias: str, row: tuple[Any, ...]) -> bytes:
    position, event_id, aggregate_id, seq, name, version, data, headers, created_at = row
    envelope = to_cloudevent(
        source=alias,
        event_id=event_id,
        type=name,
        version=version,
        subject=aggregate_id,
        seq=seq,
        data=without_personal(name, msgspec.json.decode(data)),
        headers=msgspec.json.decode(headers),
        created_at=created_at,
        position=position,
    )
    return msgspec.json.encode(envelope) + b"\n"


# Deliveries and the rest ------------------------------------------------------------------------------------------
_WINDOW = """
SELECT max(rn), min(received_at) FROM (
    SELECT rn, received_at FROM messaging_inbox WHERE rn > %s ORDER BY rn LIMIT %s) AS following
"""
_DROP_DELIVERIES = """
DELETE FROM messaging_inbox WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM messaging_inbox WHERE rn > %s AND rn <= %s AND status IN (1, 3) AND done_at < %s))
"""


def _purge_inbox(alias: str, now: datetime) -> Iterator[int]:
    """In the order of arrival, window by window; what arrived late enough cannot have been done early enough."""
    before, reached = now - KEEP_DELIVERIES, 0
    while True:
        ((upto, first_at),), _ = _execute(alias, _WINDOW, [reached, BATCH])
        if upto is None or first_at >= before:
            return
        yield _execute(alias, _DROP_DELIVERIES, [reached, upto, before])[1]
        reached = upto


def _purge_plain(alias: str, table: str, column: str, before: datetime) -> Iterator[int]:
    drop = f"""DELETE FROM {table} WHERE ctid = ANY(ARRAY(
                   SELECT ctid FROM {table} WHERE {column} < %s LIMIT {BATCH}))"""
    while count := _execute(alias, drop, [before])[1]:
        yield count
