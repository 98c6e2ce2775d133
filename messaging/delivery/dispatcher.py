"""Dispatch deliveries: run a handler over one shard of its inbox, each in the transaction that marks it done."""

import random
import time
import traceback
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, connections

from core.db import fetch, know_moment, session_locks, transaction
from core.errors import TurnedBack
from core.outside.asking import PeerAway, QuestionAsked, with_answers
from core.running import failpoints, measures
from messaging.delivery.deliveries import Delivery, Page, handling, read_pending
from messaging.models import DeliveryStatus
from messaging.signals import delivery_parked
from messaging.subscriptions import Subscription, list_subscriptions, subscriptions

BATCH = 100
BATCH_TOGETHER = 200
MOST_TOGETHER = 50
MAX_SECONDS = 2.0
MAX_DEATHS = 5
MAX_DELAY_S = 600.0
SHARDS_AT_ONCE = 10
"""So many shards of a database one worker takes at a time; the others are for its colleagues."""
log = structlog.get_logger(__name__)
_HANDLED = measures.time_spent(
    "delivery_duration_seconds", "Work of a handler on what it is given at a time, its commit apart.", "handler"
)
_FAILED = measures.count("deliveries_failed_total", "Deliveries whose handler raised.", "handler")

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

_CLAIM = """
WITH claimed AS (
    UPDATE messaging_inbox SET status = 1, attempts = attempts + 1, done_at = statement_timestamp(), last_error = ''
    WHERE rn = ANY(%s) AND status = 0 AND pg_backend_pid() = %s RETURNING rn
), marked AS (
    UPDATE messaging_inbox_lane AS l SET current_rn = m.rn, deaths = 0
    FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS m(handler, shard, rn)
    WHERE l.handler = m.handler AND l.shard = m.shard
)
SELECT count(*), clock_timestamp() FROM claimed
"""


class Claimed(TurnedBack):
    """Another worker finished the delivery first, or may: the session that held the shard is over."""


class Apart(TurnedBack):
    """One of several deliveries failed, so that each has to be handled by itself."""


def dispatch(alias: str, handler: str = "", shard: int | None = None) -> bool:
    """Handle what is due in a database, what can wait last, or in one shard of it; return whether more may be.

    Only one worker at a time works on a shard: a session lock that dies with its connection sees to it. It is looked
    again once the shards are free: whoever was woken meanwhile and found them taken has gone.
    """
    known = sorted(list_subscriptions(alias), key=lambda item: item.is_batch)
    known = [item for item in known if handler in ("", item.name)]
    handlers, can_wait = [item.name for item in known], [item.can_wait for item in known]
    wanted = {"handlers": handlers, "can_wait": can_wait, "shard": shard}
    until = time.monotonic() + MAX_SECONDS
    while time.monotonic() < until:
        with session_locks(alias, _DUE, wanted, most=SHARDS_AT_ONCE) as held:
            if not held:
                return False
            shards = [_Shard(alias, subscriptions()[name], place) for name, place in held]
            rows = read_pending(alias, [each.page for each in shards], [])
            if not _handle_together(alias, shards, rows):
                deadline = time.monotonic() + MAX_SECONDS
                for each in shards:
                    each.run(rows.get((each.subscription.name, each.shard), []), deadline)
    return True


def _handle_together(alias: str, shards: list["_Shard"], rows: dict[tuple[str, int], list[Delivery]]) -> bool:
    """Handle what nobody waits for in one transaction; return False, with nothing done, if each has to go by itself.

    A delivery that fails, or at which a worker may have died, must cost the others nothing. What is waited for is
    never together: locks of one order would be held until the work of another is done.
    """
    if not all(each.subscription.can_wait for each in shards):
        return False
    if any(row.has_died for page in rows.values() for row in page):
        return False
    units = [unit for each in shards for unit in each.units(rows.get((each.subscription.name, each.shard), []))]
    units = units[:MOST_TOGETHER]
    if len(units) < 2:
        return False
    try:
        with_answers(lambda: _effect_of_all(alias, shards, units))
    except Exception as error:
        log.info("deliveries_apart", alias=alias, deliveries=len(units), error=repr(error.__cause__ or error))
        return False
    for each, _ in units:
        failpoints.reach("dispatch.after_commit", each.subscription.name)
    return True


def _effect_of_all(alias: str, shards: list["_Shard"], units: list["Unit"]) -> None:
    with transaction(alias):
        for each, rows in units:
            with handling(rows, each.subscription.name):
                try:
                    each.call(rows)
                except QuestionAsked:
                    raise
                except Exception as error:  # whatever it leaves behind is left when it fails by itself
                    raise Apart from error
                failpoints.reach("dispatch.before_commit", each.subscription.name)
        _claim(shards, [row.rn for _, rows in units for row in rows], None)


def _claim(shards: list["_Shard"], rns: list[int], next_rn: int | None) -> None:
    """Mark deliveries done, and where their shards' worker is then; know the moment with that.

    Raises Claimed if they are not ours any more.
    """
    marks = [[each.subscription.name for each in shards], [each.shard for each in shards], [next_rn] * len(shards)]
    ((claimed, moment),) = shards[0].execute(_CLAIM, [rns, shards[0].session, *marks])
    if claimed != len(rns):
        raise Claimed
    know_moment(shards[0].alias, moment)


Unit = tuple["_Shard", list[Delivery]]
"""What a handler is called with at a time."""


class _Shard:
    def __init__(self, alias: str, subscription: Subscription, shard: int) -> None:
        self.alias, self.subscription, self.shard = alias, subscription, shard
        self.not_due: dict[str, str] = {}
        self.limit = BATCH_TOGETHER if subscription.is_batch else BATCH
        self.session = connections[alias].connection.info.backend_pid
        self.current: int | None = None
        self.page = Page(subscription.name, shard, subscription.on_parked == "block", subscription.is_batch, self.limit)

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
                self._handle_batch(due)
            elif due:
                self._handle_each(due, deadline)
            rows = self._pending() if len(rows) == self.limit else []
        if self.current is not None:
            self._mark_current(None)

    def _pending(self) -> list[Delivery]:
        return read_pending(self.alias, [self.page], list(self.not_due)).get((self.subscription.name, self.shard), [])

    def units(self, rows: list[Delivery]) -> list[Unit]:
        """Divide what is due of these deliveries into what the handler is called with at a time."""
        due = self._due(rows)
        return [(self, due)] if due and self.subscription.is_batch else [(self, [row]) for row in due]

    def execute(self, sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
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
            self.execute(
                """UPDATE messaging_inbox AS i SET next_at = greatest(i.next_at, t.next_at)
                   FROM unnest(%s::bigint[], %s::timestamptz[]) AS t(rn, next_at) WHERE i.rn = t.rn AND status = 0""",
                [list(waits), list(waits.values())],
            )
        return due

    def _time_of_next_deploy(self) -> str:
        """An event of a type this code does not know is for the next version: keep it, and look again later."""
        ((moment,),) = self.execute("SELECT (statement_timestamp() + interval '30 seconds')::text", [])
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

    def _handle_batch(self, rows: list[Delivery]) -> None:
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
        def handle() -> None:
            with transaction(self.alias):
                _claim([self], [row.rn for row in rows], next_rn)
                self.call(rows)
                failpoints.reach("dispatch.before_commit", self.subscription.name)

        with handling(rows, self.subscription.name):
            with_answers(handle)
        self.current = next_rn
        failpoints.reach("dispatch.after_commit", self.subscription.name)

    def call(self, rows: list[Delivery]) -> None:
        """Hand over what the deliveries say; a fact that implies nothing here is done with."""
        item, started = self.subscription, time.perf_counter()
        messages = [message for row in rows for message in item.read(row.type, row.data)]
        if item.is_batch and messages:
            item.function(messages)
        elif not item.is_batch:
            for message in messages:
                item.function(message)
        _HANDLED.labels(item.name).observe(time.perf_counter() - started)

    def _postpone(self, row: Delivery, error: Exception) -> None:
        """A database or peer that is down, or a lock that is taken, is nobody's fault: wait and use up no attempt."""
        self.execute("UPDATE messaging_inbox SET last_error = %s WHERE rn = %s", [repr(error)[:2000], row.rn])
        self._delay_partition(row.partition_key, 1.0)

    def _fail(self, row: Delivery, error: Exception) -> None:
        attempts = row.attempts + 1
        is_parked = attempts >= self.subscription.max_attempts or isinstance(error, self.subscription.final)
        text = "".join(traceback.format_exception(error))[-8000:]
        self.execute(
            "UPDATE messaging_inbox SET attempts = %s, status = %s, last_error = %s WHERE rn = %s AND status = 0",
            [attempts, DeliveryStatus.DEAD if is_parked else DeliveryStatus.PENDING, text, row.rn],
        )
        _FAILED.labels(self.subscription.name).inc()
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
        found = self.execute(
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
        self.execute(
            """INSERT INTO messaging_inbox_lane (handler, shard, current_rn, deaths) VALUES (%s, %s, %s, 0)
               ON CONFLICT (handler, shard) DO UPDATE SET current_rn = excluded.current_rn""",
            [self.subscription.name, self.shard, rn],
        )
        self.current = rn

    def _count_death(self) -> bool:
        """Count a death of the delivery that is still marked current; after five it is parked, like any poison.

        With that the count ends: whoever retries it later gives it a new life.
        """
        rows = self.execute(
            """UPDATE messaging_inbox_lane SET deaths = deaths + 1
               WHERE handler = %s AND shard = %s AND current_rn IS NOT NULL RETURNING current_rn, deaths""",
            [self.subscription.name, self.shard],
        )
        if rows and rows[0][1] >= MAX_DEATHS:
            parked = self.execute(
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
