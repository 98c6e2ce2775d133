"""Deliveries as the dispatcher reads them, and what their handlers may ask about them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import structlog

from core import context
from core.db import fetch
from core.running import traces

_PENDING = """
WITH pending AS MATERIALIZED (
    SELECT m.*, i.*, l.current_rn
    FROM unnest(%(handlers)s::text[], %(shards)s::int[], %(blocks)s::bool[], %(batches)s::bool[], %(limits)s::int[])
        AS m(handler, shard, blocks, is_batch, most)
    CROSS JOIN LATERAL (
        SELECT rn, event_id, source, aggregate_id, seq, version, lane, type, data::text, headers, attempts, next_at,
               next_at <= statement_timestamp() AS is_due,
               m.blocks AND EXISTS (SELECT 1 FROM messaging_inbox AS p
                                    WHERE p.handler = i.handler AND p.lane = i.lane AND p.status = 2) AS is_held
        FROM messaging_inbox AS i
        WHERE i.handler = m.handler AND i.shard = m.shard AND status = 0 AND next_at < '9999-01-01'
            AND lane <> ALL(%(left_out)s)
        ORDER BY rn LIMIT m.most
    ) AS i
    LEFT JOIN messaging_inbox_lane AS l USING (handler, shard)
), marked AS (
    INSERT INTO messaging_inbox_lane (handler, shard, current_rn, deaths)
    SELECT handler, shard, min(rn), 0 FROM pending
    WHERE is_due AND NOT is_batch AND NOT EXISTS (SELECT 1 FROM pending WHERE current_rn IS NOT NULL)
    GROUP BY handler, shard
    ON CONFLICT (handler, shard) DO UPDATE SET current_rn = excluded.current_rn
    RETURNING handler, shard, current_rn, set_config('synchronous_commit', 'off', true)
)
SELECT handler, shard, rn, event_id, source, aggregate_id, seq, version, lane, type, data, headers, attempts,
       next_at::text, is_due, is_held, p.current_rn IS NOT NULL, coalesce(m.current_rn, p.current_rn)
FROM pending AS p LEFT JOIN marked AS m USING (handler, shard) ORDER BY rn
"""
"""Deliveries of some shards. Commits which of them the worker is at, before it begins: a mark that a crash of the
database takes away harms nobody. Where a worker has died, each shard is marked when its turn has come."""


@dataclass(frozen=True)
class Delivery:
    """A pending row of the inbox."""

    rn: int
    event_id: Any
    source: str
    aggregate_id: str
    seq: int
    version: int
    partition_key: str
    type: str
    data: str
    headers: Any
    attempts: int
    next_at: str
    is_due: bool
    is_held: bool
    has_died: bool
    """A worker died at the shard, or at another one that it held with it."""
    current_rn: int | None
    """Delivery at which the shard is marked."""


_current: ContextVar[tuple[Delivery, ...]] = ContextVar("autosalon_deliveries", default=())


def current_deliveries() -> tuple[Delivery, ...]:
    """Return what the running handler was given, in the order of its events: for those that need more than the fact."""
    return _current.get()


class Page(NamedTuple):
    """Ask for `most` deliveries of a shard; `blocks`: a parked one holds up its partition."""

    handler: str
    shard: int
    blocks: bool
    is_batch: bool
    most: int


def read_pending(alias: str, pages: Sequence[Page], left_out: Sequence[str]) -> dict[tuple[str, int], list[Delivery]]:
    """Read the next deliveries of some shards, by handler and shard, but for the partitions `left_out`."""
    names = "handlers", "shards", "blocks", "batches", "limits"
    values: dict[str, Any] = {name: list(column) for name, column in zip(names, zip(*pages, strict=True), strict=True)}
    values["left_out"] = list(left_out)
    found: dict[tuple[str, int], list[Delivery]] = {}
    for handler, shard, *rest in fetch(alias, _PENDING, values):
        found.setdefault((handler, shard), []).append(Delivery(*rest))
    return found


@contextmanager
def handling(rows: Sequence[Delivery], handler: str) -> Iterator[None]:
    """Make deliveries the cause of whatever is done in the block; the last of them is what caused it."""
    row, deliveries = rows[-1], _current.set(tuple(rows))
    headers = msgspec.json.decode(row.headers) if isinstance(row.headers, str) else dict(row.headers)
    with (
        traces.span(f"handle {handler}", headers, "consumer", event=row.type) as carried,
        structlog.contextvars.bound_contextvars(
            request_id=headers.get("request_id"), handler=handler, event_id=str(row.event_id)
        ),
    ):
        token = context.bind(carried | {"causation_id": str(row.event_id)})
        try:
            yield
        finally:
            context.unbind(token)
            _current.reset(deliveries)
