"""Tell a Prometheus scrape how far every log, handler, timer and call is behind, asked of each database.

The numbers are read when asked for, so every web process tells the same. Each is bounded: a backlog counts up to
`COUNTED`, by an index. A database that does not answer is a sample of its own, never a failed scrape.
"""

import ipaddress
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from core.db import limit_session
from core.running import measures
from core.running.measures import Gauges
from gateway.guards.address import exact_address, is_forwarded_by_stranger
from gateway.responses import problems
from messaging.delivery.parked import served
from messaging.peering.peers import is_here
from messaging.publishing import sinks
from messaging.subscriptions import foreign_sources, list_subscriptions
from messaging.transport.logs import read_head

COUNTED = 100_000
TOLD = {"stream": "the external stream", "kafka": "Kafka"}
ANSWER_S = 5.0
log = structlog.get_logger(__name__)
Source = Callable[[], Iterable[Metric]]

_FAMILIES = (
    ("database_up", "Whether the database answers."),
    ("outbox_unsequenced", "Committed events that the relay has not placed."),
    ("outbox_oldest_seconds", "Age of the oldest event that the relay has not placed."),
    ("feed_head", "Position of the last placed event."),
    ("inbox_pending", "Deliveries that wait for their handler.", "handler"),
    ("inbox_dead", "Deliveries that used up their retries.", "handler"),
    ("inbox_overdue_seconds", "How long the delivery due longest has waited."),
    ("timers_overdue", "Timers that are due and have not fired."),
    ("heartbeat_age_seconds", "Since a background role last proved alive.", "role"),
    ("handler_lag_events", "Positions of the source that the handler has not copied.", "source", "handler"),
    ("handler_paused", "Whether the handler stopped reading this source.", "source", "handler"),
    ("external_calls_open", "Calls to the outside world without a final answer.", "state"),
    ("database_connections", "Sessions of clients.", "state"),
    ("database_longest_statement_seconds", "How long the product's statement runs that runs longest."),
)
for _name, _text, *_labels in _FAMILIES:
    measures.gauge(_name, _text, "database", *_labels)
for _sink, _reader in TOLD.items():
    measures.gauge(f"{_sink}_lag_events", f"Positions that {_reader} was not told of.", "database")

_STANDING = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM messaging_outbox WHERE position IS NULL LIMIT %(counted)s) AS o),
       (SELECT extract(epoch FROM now() - created_at) FROM messaging_outbox WHERE position IS NULL ORDER BY n LIMIT 1),
       (SELECT position FROM messaging_feed_head WHERE id = 1),
       (SELECT count(*) FROM (SELECT 1 FROM messaging_timer
                              WHERE fired_at IS NULL AND due_at <= now() LIMIT %(counted)s) AS t),
       (SELECT extract(epoch FROM now() - min(next_at)) FROM messaging_inbox WHERE status = 0 AND next_at <= now()),
       (SELECT max(extract(epoch FROM clock_timestamp() - query_start)) FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
          AND backend_type = 'client backend' AND application_name LIKE 'autosalon%%')
"""

_BY_LABEL = {
    "pending": """SELECT handler, count(*) FROM (SELECT handler FROM messaging_inbox
                  WHERE status = 0 LIMIT %(counted)s) AS i GROUP BY handler""",
    "dead": """SELECT handler, count(*) FROM (SELECT handler FROM messaging_inbox
               WHERE status = 2 LIMIT %(counted)s) AS i GROUP BY handler""",
    "calls": """SELECT state, count(*) FROM (SELECT state FROM messaging_external_call
                WHERE state IN ('new', 'sent', 'unknown') LIMIT %(counted)s) AS c GROUP BY state""",
    "sinks": "SELECT sink, position FROM messaging_sink_cursor",
    "sessions": """SELECT coalesce(state, 'unknown'), count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND backend_type = 'client backend' GROUP BY 1""",
    "beats": "SELECT role, extract(epoch FROM now() - beat_at) FROM messaging_heartbeat",
}
_CURSORS = "SELECT source, handler, position, is_paused FROM messaging_inbox_cursor"


@dataclass(frozen=True)
class Reading:
    """Readings of one database. Ages are seconds; None where nothing waits, or nothing was ever there."""

    alias: str
    unsequenced: int
    unsequenced_age: float | None
    head: int | None
    timers: int
    due_age: float | None
    longest: float | None
    counts: dict[str, dict[str, float]]
    cursors: list[tuple[str, str, int, bool]]


def read(alias: str) -> Reading:
    """Ask one database, on a connection of this thread that is closed afterwards."""
    try:
        with connections[alias].cursor() as cursor:
            parameters: dict[str, int] = {"counted": COUNTED}
            limit_session(cursor, 3000)
            cursor.execute(_STANDING, parameters)
            standing = cursor.fetchone()
            counts: dict[str, dict[str, float]] = {}
            for name, sql in _BY_LABEL.items():
                cursor.execute(sql, parameters)
                counts[name] = {label: float(number) for label, number in cursor.fetchall()}
            cursor.execute(_CURSORS)
            reading: list[Any] = [alias, *standing, counts, cursor.fetchall()]
            return Reading(*reading)
    finally:
        connections[alias].close()


_pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="metrics")
_asked: dict[str, Future[Reading]] = {}
_lock = threading.Lock()


def read_all(aliases: Iterable[str]) -> dict[str, Reading | None]:
    """Ask all databases at once; None for one that fails, or is silent for five seconds."""
    futures = {alias: _ask(alias) for alias in aliases}
    wait(futures.values(), timeout=ANSWER_S)
    return {alias: _answer(alias, future) for alias, future in futures.items()}


def _ask(alias: str) -> Future[Reading]:
    """One question at a time to each: a frozen server holds one thread, not all."""
    with _lock:
        if alias not in _asked or _asked[alias].done():
            _asked[alias] = _pool.submit(read, alias)
        return _asked[alias]


def _answer(alias: str, future: Future[Reading]) -> Reading | None:
    if not future.done():
        log.warning("metrics_unread", alias=alias, error="no answer in time")
        return None
    error = future.exception()
    if error is not None:
        log.warning("metrics_unread", alias=alias, error=repr(error))
        return None
    return future.result()


def heads_elsewhere(sources: Iterable[str]) -> dict[str, int | None]:
    """Heads of logs that are not served here; those whose owner does not answer in time are left out."""
    futures = {source: _pool.submit(_read_head, source) for source in sources}
    done = wait(futures.values(), timeout=ANSWER_S).done
    return {source: future.result() for source, future in futures.items() if future in done and not future.exception()}


def _read_head(source: str) -> int | None:
    try:
        head = read_head(source)
        return head.head if head else None
    finally:
        if is_here(source):
            connections[source].close()


def messaging_gauges() -> Iterable[Metric]:
    """The state of every served database's log, inbox, timers and calls."""
    found = read_all(served())
    gauges = Gauges()
    heads = {alias: reading.head for alias, reading in found.items() if reading is not None}
    heads |= heads_elsewhere(foreign_sources(found))
    for alias, reading in found.items():
        gauges.add("database_up", float(reading is not None), database=alias)
        if reading is not None:
            _add_sessions(gauges, reading)
            _add_log(gauges, reading)
            _add_inbox(gauges, reading)
            _add_lags(gauges, reading, heads)
    return gauges.families.values()


def _add_sessions(gauges: Gauges, reading: Reading) -> None:
    for state, number in reading.counts["sessions"].items():
        gauges.add("database_connections", number, database=reading.alias, state=state)
    gauges.add("database_longest_statement_seconds", reading.longest or 0.0, database=reading.alias)


def _add_log(gauges: Gauges, reading: Reading) -> None:
    here = {"database": reading.alias}
    gauges.add("outbox_unsequenced", reading.unsequenced, **here)
    gauges.add("outbox_oldest_seconds", reading.unsequenced_age, **here)
    gauges.add("feed_head", reading.head, **here)
    for sink in [sinks.SINKS[driver] for driver in sinks.drivers()]:
        lag = None if reading.head is None else reading.head - reading.counts["sinks"].get(sink, 0)
        gauges.add(f"{sink}_lag_events", lag, **here)


def _add_inbox(gauges: Gauges, reading: Reading) -> None:
    here = {"database": reading.alias}
    pending, dead, calls = (reading.counts[name] for name in ("pending", "dead", "calls"))
    known = {item.name for item in list_subscriptions(reading.alias)}
    for handler in sorted(known | set(pending) | set(dead)):
        who = {**here, "handler": handler}
        gauges.add("inbox_pending", pending.get(handler, 0), **who)
        gauges.add("inbox_dead", dead.get(handler, 0), **who)
    gauges.add("inbox_overdue_seconds", reading.due_age, **here)
    gauges.add("timers_overdue", reading.timers, **here)
    for state in ("new", "sent", "unknown"):
        gauges.add("external_calls_open", calls.get(state, 0), **here, state=state)
    for role, age in reading.counts["beats"].items():
        gauges.add("heartbeat_age_seconds", age, **here, role=role)


def _add_lags(gauges: Gauges, reading: Reading, heads: dict[str, int | None]) -> None:
    """A handler's lag needs two databases; while its source is away it is unknown, and left out."""
    at = {(source, handler): (position, paused) for source, handler, position, paused in reading.cursors}
    for item in list_subscriptions(reading.alias):
        for source in sorted(item.sources):
            position, is_paused = at.get((source, item.name), (0, False))
            head = heads.get(source)
            labels = {"database": reading.alias, "source": source, "handler": item.name}
            lag = None if head is None else max(0, head - position)
            gauges.add("handler_lag_events", lag, **labels)
            gauges.add("handler_paused", is_paused, **labels)


_sources: list[Source] = [messaging_gauges]
_of_apps: list[tuple[str, Source]] = []
_readers = ThreadPoolExecutor(max_workers=16, thread_name_prefix="metrics-apps")
_read: dict[Source, Future[list[Metric]]] = {}


def add_metrics(source: Source, *, app: str = "") -> None:
    """Have another part of the product answer scrapes too; `source` must be quick and must not raise.

    One that reads databases names whose process it belongs to, an app or a role: it is asked on a thread of its own,
    and left out while it fails or keeps silent.
    """
    if app:
        _of_apps.append((app, source))
    else:
        _sources.append(source)


class _Collector:
    def collect(self) -> Iterable[Metric]:
        here = {*settings.SERVICES, *settings.LAYOUT.roles}
        asked = [_ask_source(source) for app, source in _of_apps if app in here]
        yield from measures.collect()
        for source in _sources:
            yield from source()
        wait(asked, timeout=ANSWER_S)
        for future in asked:
            yield from _told(future)


def _ask_source(source: Source) -> Future[list[Metric]]:
    """One question at a time to each."""
    with _lock:
        if source not in _read or _read[source].done():
            _read[source] = _readers.submit(_read_source, source)
        return _read[source]


def _read_source(source: Source) -> list[Metric]:
    try:
        return list(source())
    finally:
        connections.close_all()


def _told(future: Future[list[Metric]]) -> list[Metric]:
    if not future.done() or future.exception() is not None:
        log.warning("metrics_unread", error=repr(future.exception()) if future.done() else "no answer in time")
        return []
    return future.result()


def serve(request: HttpRequest) -> HttpResponse:
    """Answer `GET /metrics` to the addresses in AUTOSALON_METRICS_ALLOW; for others there is no such page."""
    if not is_allowed(request.META):
        return problems.problem(404, "not_found", _("Not found."))
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry), content_type=content_type)


def is_allowed(meta: Mapping[str, Any]) -> bool:
    """Tell whether a caller may read metrics. One who comes through a proxy that we do not trust could be anybody."""
    if not meta.get("REMOTE_ADDR") or is_forwarded_by_stranger(meta):
        return False
    try:
        caller = ipaddress.ip_address(exact_address(meta))
    except ValueError:
        return False
    return any(caller in network for network in settings.METRICS_ALLOW)
