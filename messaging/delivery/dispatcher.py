"""Dispatch deliveries: run a handler over one shard of its inbox, each in the transaction that marks it done."""

import random
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from django.db import InterfaceError, OperationalError, connections

from core import context, failpoints
from core.db import fetch, session_locks, transaction
from core.events import Message
from core.outside.asking import PeerAway, with_answers
from messaging.models import DeliveryStatus
from messaging.signals import delivery_parked
from messaging.subscriptions import Subscription, subscriptions, subscriptions_of

BATCH = 100
BATCH_TOGETHER = 200
MAX_SECONDS = 2.0
MAX_DEATHS = 5
MAX_DELAY_S = 600.0
SHARDS_AT_ONCE = 10
"""So many shards of a database one worker takes at a time; the others are for its colleagues."""
log = structlog.get_logger(__name__)

HELD = "9999-01-01 00:00:00+00"
"""When a delivery behind a parked one is due: once somebody has decided about that one."""

_DUE = """
WITH RECURSIVE waiting AS (
    (SELECT handler, shard FROM messaging_inbox WHERE status = 0 ORDER BY handler, shard LIMIT 1)
    UNION ALL
    SELECT next.handler, next.shard FROM waiting AS w CROSS JOIN LATERAL (
        SELECT handler, shard FROM messaging_inbox AS i
        WHERE status = 0 AND (i.handler, i.shard) > (w.handler, w.shard) ORDER BY handler, shard LIMIT 1) AS next
), due AS MATERIALIZED (
    SELECT w.handler, w.shard, known.can_wait, coalesce(l.deaths, 0) AS deaths, known.rank
    FROM waiting AS w
    JOIN unnest(%(handlers)s::text[], %(can_wait)s::bool[]) WITH ORDINALITY AS known(handler, can_wait, rank)
        USING (handler)
    LEFT JOIN messaging_inbox_lane AS l USING (handler, shard)
    WHERE w.shard = coalesce(%(shard)s, w.shard)
        AND EXISTS (SELECT 1 FROM messaging_inbox AS i WHERE i.handler = w.handler AND i.shard = w.shard
                    AND i.status = 0 AND i.next_at <= statement_timestamp())
)
SELECT handler::text AS name, shard::int AS place FROM due WHERE can_wait = (SELECT bool_and(can_wait) FROM due)
ORDER BY deaths, rank, shard
"""
"""Shards with a delivery that is due, from one to the next by the index: however many deliveries wait. One at which
workers die comes last, so that it takes nobody with it who could be handled before; those that can wait come alone."""

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

_CLAIM = """
WITH claimed AS (
    UPDATE messaging_inbox SET status = 1, attempts = attempts + 1, done_at = statement_timestamp(), last_error = ''
    WHERE rn = ANY(%s) AND status = 0 AND pg_backend_pid() = %s RETURNING rn
), marked AS (
    UPDATE messaging_inbox_lane SET current_rn = %s, deaths = 0 WHERE handler = %s AND shard = %s
)
SELECT count(*) FROM claimed
"""


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


class Claimed(Exception):
    """Another worker finished the delivery first, or may: the session that held the shard is over."""


def dispatch(alias: str, handler: str = "", shard: int | None = None) -> bool:
    """Handle what is due in a database, what can wait last, or in one shard of it; return whether more may be.

    Only one worker at a time works on a shard: a session lock that dies with its connection sees to it. It is looked
    again once the shards are free: whoever was woken meanwhile and found them taken has gone.
    """
    known = sorted(subscriptions_of(alias), key=lambda item: item.is_batch)
    known = [item for item in known if handler in ("", item.name)]
    handlers, can_wait = [item.name for item in known], [item.can_wait for item in known]
    wanted = {"handlers": handlers, "can_wait": can_wait, "shard": shard}
    until = time.monotonic() + MAX_SECONDS
    while time.monotonic() < until:
        with session_locks(alias, _DUE, wanted, most=SHARDS_AT_ONCE) as held:
            if not held:
                return False
            shards = [_Shard(alias, subscriptions()[name], place) for name, place in held]
            rows, deadline = _pending(alias, shards), time.monotonic() + MAX_SECONDS
            for each in shards:
                each.run(rows.get((each.subscription.name, each.shard), []), deadline)
    return True


def _pending(alias: str, shards: list["_Shard"]) -> dict[tuple[str, int], list[Delivery]]:
    """Read the next deliveries of some shards, but for partitions that wait."""
    asked = [
        (
            each.subscription.name,
            each.shard,
            each.subscription.on_parked == "block",
            each.subscription.is_batch,
            each.limit,
        )
        for each in shards
    ]
    names = "handlers", "shards", "blocks", "batches", "limits"
    values: dict[str, Any] = {name: list(column) for name, column in zip(names, zip(*asked, strict=True), strict=True)}
    values["left_out"] = [name for each in shards for name in each.not_due]
    found: dict[tuple[str, int], list[Delivery]] = {}
    for handler, shard, *rest in fetch(alias, _PENDING, values):
        found.setdefault((handler, shard), []).append(Delivery(*rest))
    return found


class _Shard:
    def __init__(self, alias: str, subscription: Subscription, shard: int) -> None:
        self.alias, self.subscription, self.shard = alias, subscription, shard
        self.not_due: dict[str, str] = {}
        self.limit = BATCH_TOGETHER if subscription.is_batch else BATCH
        self.session = connections[alias].connection.info.backend_pid
        self.current: int | None = None

    def run(self, rows: list[Delivery], deadline: float) -> None:
        """Handle these deliveries, and page after page of those behind them."""
        if rows and rows[0].has_died and self._count_death():
            rows = self._pending()
        while rows:
            self.current = rows[0].current_rn
            if time.monotonic() > deadline:
                break
            due = self._due(rows)
            if due and self.subscription.is_batch:
                self._handle_together(due)
            elif due:
                self._handle_each(due, deadline)
            rows = self._pending() if len(rows) == self.limit else []
        if self.current is not None:
            self._mark_current(None)

    def _pending(self) -> list[Delivery]:
        return _pending(self.alias, [self]).get((self.subscription.name, self.shard), [])

    def _execute(self, sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        return fetch(self.alias, sql, parameters)

    def _due(self, rows: list[Delivery]) -> list[Delivery]:
        """Rows to handle now. What waits holds up its own partition, nobody else's: the rows behind it wait as long."""
        due, waits = [], {}
        for row in rows:
            if row.partition_key in self.not_due:
                waits[row.rn] = self.not_due[row.partition_key]
            elif row.is_held:
                waits[row.rn] = self.not_due[row.partition_key] = HELD
            elif not row.is_due:
                self.not_due[row.partition_key] = row.next_at
            elif row.type not in self.subscription.events:
                waits[row.rn] = self.not_due[row.partition_key] = self._time_of_next_deploy()
            else:
                due.append(row)
        if waits:
            self._execute(
                """UPDATE messaging_inbox AS i SET next_at = greatest(i.next_at, t.next_at)
                   FROM unnest(%s::bigint[], %s::timestamptz[]) AS t(rn, next_at) WHERE i.rn = t.rn AND status = 0""",
                [list(waits), list(waits.values())],
            )
        return due

    def _time_of_next_deploy(self) -> str:
        """An event of a type this code does not know is for the next version: keep it, and look again later."""
        ((moment,),) = self._execute("SELECT (statement_timestamp() + interval '30 seconds')::text", [])
        return str(moment)

    def _handle_each(self, rows: list[Delivery], deadline: float) -> None:
        if self.current != rows[0].rn:
            self._mark_current(rows[0].rn)
        for row, following in zip(rows, [*rows[1:], None], strict=True):
            if row.partition_key in self.not_due:
                continue
            self._handle([row], following.rn if following else None)
            if time.monotonic() > deadline:
                return

    def _handle_together(self, rows: list[Delivery]) -> None:
        """One transaction for the batch; if it fails, each by itself, so that one bad event costs only itself."""
        try:
            self._effect(rows, None)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            for row in rows:
                if row.partition_key not in self.not_due:
                    self._handle([row], None)

    def _handle(self, rows: list[Delivery], next_rn: int | None) -> None:
        try:
            self._effect(rows, next_rn)
        except Claimed:
            return
        except (OperationalError, InterfaceError, PeerAway) as error:
            connections[self.alias].ensure_connection()
            self._postpone(rows[0], error)
        except Exception as error:
            self._fail(rows[0], error)

    def _effect(self, rows: list[Delivery], next_rn: int | None) -> None:
        item = self.subscription
        messages = [message for row in rows for message in item.read(row.type, row.data)]

        def handle() -> None:
            with transaction(self.alias):
                rns = [row.rn for row in rows]
                ((claimed,),) = self._execute(_CLAIM, [rns, self.session, next_rn, item.name, self.shard])
                if claimed != len(rows):
                    raise Claimed
                self._call(messages)
                failpoints.reach("dispatch.before_commit", item.name)

        with self._cause(rows):
            with_answers(handle)
        self.current = next_rn
        failpoints.reach("dispatch.after_commit", item.name)

    def _call(self, messages: list[Message]) -> None:
        """Hand over what the deliveries say; a fact that implies nothing here is done with."""
        if self.subscription.is_batch and messages:
            self.subscription.function(messages)
        elif not self.subscription.is_batch:
            for message in messages:
                self.subscription.function(message)

    @contextmanager
    def _cause(self, rows: list[Delivery]) -> Iterator[None]:
        row, deliveries = rows[-1], _current.set(tuple(rows))
        headers = msgspec.json.decode(row.headers) if isinstance(row.headers, str) else dict(row.headers)
        token = context.bind(headers | {"causation_id": str(row.event_id)})
        with structlog.contextvars.bound_contextvars(
            request_id=headers.get("request_id"), handler=self.subscription.name, event_id=str(row.event_id)
        ):
            try:
                yield
            finally:
                context.unbind(token)
                _current.reset(deliveries)

    def _postpone(self, row: Delivery, error: Exception) -> None:
        """A database or peer that is down, or a lock that is taken, is nobody's fault: wait and use up no attempt."""
        self._execute("UPDATE messaging_inbox SET last_error = %s WHERE rn = %s", [repr(error)[:2000], row.rn])
        self._delay_partition(row.partition_key, 1.0)

    def _fail(self, row: Delivery, error: Exception) -> None:
        attempts = row.attempts + 1
        is_parked = attempts >= self.subscription.max_attempts or isinstance(error, self.subscription.final)
        text = "".join(traceback.format_exception(error))[-8000:]
        self._execute(
            "UPDATE messaging_inbox SET attempts = %s, status = %s, last_error = %s WHERE rn = %s AND status = 0",
            [attempts, DeliveryStatus.DEAD if is_parked else DeliveryStatus.PENDING, text, row.rn],
        )
        log.warning(
            "delivery_failed", handler=self.subscription.name, type=row.type, attempts=attempts, error=repr(error)
        )
        if not is_parked:
            self._delay_partition(row.partition_key, random.uniform(0.5, 1.5) * min(MAX_DELAY_S, 0.5 * 2**attempts))
            return
        if self.subscription.on_parked == "block":
            self.not_due[row.partition_key] = HELD
        self._announce_parked(row.event_id, row.type, row.partition_key, repr(error))

    def _delay_partition(self, partition_key: str, seconds: float) -> None:
        """Let a partition wait: the delivery that failed, and all behind it."""
        found = self._execute(
            """UPDATE messaging_inbox
               SET next_at = greatest(next_at, statement_timestamp() + make_interval(secs => %s))
               WHERE handler = %s AND shard = %s AND lane = %s AND status = 0 RETURNING next_at::text""",
            [seconds, self.subscription.name, self.shard, partition_key],
        )
        self.not_due[partition_key] = found[0][0] if found else HELD

    def _announce_parked(self, event_id: Any, event_type: str, partition_key: str, error: str) -> None:
        """Whoever listens may fail: that is logged, and the dispatcher goes on."""
        name = self.subscription.name
        log.error("delivery_parked", handler=name, type=event_type, event_id=str(event_id))
        delivery_parked.send_robust(
            type(self), alias=self.alias, handler=name, partition_key=partition_key, event_id=event_id, error=error
        )

    def _mark_current(self, rn: int | None) -> None:
        """Commit which delivery this worker is at, before it begins: claiming one names the next, up to the last."""
        self._execute(
            """INSERT INTO messaging_inbox_lane (handler, shard, current_rn, deaths) VALUES (%s, %s, %s, 0)
               ON CONFLICT (handler, shard) DO UPDATE SET current_rn = excluded.current_rn""",
            [self.subscription.name, self.shard, rn],
        )
        self.current = rn

    def _count_death(self) -> bool:
        """Count a death of the delivery that is still marked current; after five it is parked, like any poison.

        With that the count ends: whoever retries it later gives it a new life.
        """
        rows = self._execute(
            """UPDATE messaging_inbox_lane SET deaths = deaths + 1
               WHERE handler = %s AND shard = %s AND current_rn IS NOT NULL RETURNING current_rn, deaths""",
            [self.subscription.name, self.shard],
        )
        if rows and rows[0][1] >= MAX_DEATHS:
            parked = self._execute(
                """WITH over AS (UPDATE messaging_inbox_lane SET current_rn = NULL, deaths = 0
                                 WHERE handler = %s AND shard = %s)
                   UPDATE messaging_inbox SET status = 2, last_error = 'its worker died while handling it'
                   WHERE rn = %s AND status = 0 RETURNING event_id, type, lane, last_error""",
                [self.subscription.name, self.shard, rows[0][0]],
            )
            if parked:
                self._announce_parked(*parked[0])
                return True
        return False
