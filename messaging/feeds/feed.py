"""The feed of a database's log: what was placed is broadcast as a hint to read on, never as the truth itself."""

import asyncio
import dataclasses
import threading
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import structlog
from channels.layers import get_channel_layer

from core.db import fetch
from core.running import traces

log = structlog.get_logger(__name__)
FEEDS: dict[str, set[str]] = {}
"""Source alias → event types that its feed carries; apps add theirs when they are ready."""


def feed_group(source: str) -> str:
    """Channel-layer group that carries one source's feed."""
    return f"feed.{source}"


def broadcast(source: str, placed: list[dict[str, Any]]) -> None:
    """Send one batch to the source's feed, saying which positions it covers, so that a lost one is noticed."""
    types = FEEDS.get(source)
    layer = get_channel_layer()
    if not types or layer is None or not placed:
        return
    rows = [_pass_on(source, row) for row in placed if row["type"] in types]
    message = {
        "type": "feed.batch",
        "after": placed[0]["position"] - 1,
        "until": placed[-1]["position"],
        "rows": [_pack(row) for row in rows],
    }
    try:
        _loop().run_until_complete(layer.group_send(feed_group(source), message))
    except Exception as error:
        log.warning("broadcast_lost", source=source, error=repr(error))


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One event of a feed; `data` is its JSON text. `position` is None until the relay has placed it.

    `trace` is the `traceparent` of what is pushed, "" for what nobody traces or what a client reads up on.
    """

    position: int | None
    seq: int
    type: str
    data: str
    trace: str = ""


def _pass_on(source: str, placed: dict[str, Any]) -> FeedRow:
    """Make a row of what the relay has placed, its data and headers decoded or not."""
    data, name = placed["data"], placed["type"]
    trace = traces.pass_on_sampled(f"relay {source} to feed", placed["id"], placed["headers"], event=name)
    text = data if isinstance(data, str) else msgspec.json.encode(data).decode()
    return FeedRow(placed["position"], placed["seq"], name, text, trace)


def _pack(row: FeedRow) -> tuple[Any, ...]:
    """Leave a trace out where there is none: processes of the release before know of no such column."""
    return dataclasses.astuple(row)[: None if row.trace else -1]


_local = threading.local()


def _loop() -> asyncio.AbstractEventLoop:
    """This thread's event loop, kept so that the channel layer keeps its connection."""
    if not hasattr(_local, "loop"):
        _local.loop = asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = _local.loop
    return loop


def read_feed(source: str, after: int, until: int, limit: int = 1000) -> list[FeedRow]:
    """The truth: rows of the feed with `after` < position <= `until`."""
    rows = fetch(
        source,
        """SELECT position, seq, type, data::text, coalesce(headers->>'traceparent', '') FROM messaging_outbox
           WHERE position > %s AND position <= %s AND type = ANY(%s) ORDER BY position LIMIT %s""",
        [after, until, sorted(FEEDS[source]), limit],
    )
    return [FeedRow(*row) for row in rows]


def read_head(source: str) -> int:
    """The last position given out."""
    rows = fetch(source, "SELECT position FROM messaging_feed_head WHERE id = 1", [])
    return int(rows[0][0]) if rows else 0


def read_life(source: str) -> tuple[UUID | None, int]:
    """The life of the log, which a declared restore ends, and the last position given out."""
    rows = fetch(source, "SELECT epoch, position FROM messaging_feed_head WHERE id = 1", [])
    return (rows[0][0], int(rows[0][1])) if rows else (None, 0)


def is_kept(source: str, after: int) -> bool:
    """Tell whether everything placed after a position is still in the log, and the position is of this log's life."""
    rows = fetch(
        source,
        """SELECT (SELECT position FROM messaging_outbox WHERE position IS NOT NULL ORDER BY position LIMIT 1),
                  h.began_at, h.position
           FROM (SELECT 1) AS one LEFT JOIN messaging_feed_head AS h ON h.id = 1""",
        [],
    )
    oldest, began_at, head = rows[0]
    head = head or 0
    return (head if oldest is None else oldest - 1) <= after <= head and (after == 0 or after >= (began_at or 0))
