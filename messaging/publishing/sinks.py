"""The external stream: public events go to RabbitMQ and Kafka, in the order of their positions, none left out.

A cursor per source and broker moves only after that broker has confirmed everything before it, so a crash repeats
events and never skips one; readers drop ids they have seen. A broker that is away holds up no other.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
import structlog
from django.conf import settings
from django.db import connections

from core.db import refuse_inside_transaction
from core.events import REGISTRY
from core.ids import uuid7
from core.outside.destinations import Driver
from core.running import failpoints
from messaging.publishing.amqp import Broker
from messaging.publishing.destinations import Letter, parcels
from messaging.publishing.envelope import to_cloudevent
from messaging.publishing.kafka import Kafka
from messaging.publishing.ports import Outlet
from messaging.publishing.topics import get_topic

SINKS: dict[Driver, str] = {"amqp": "stream", "kafka": "kafka"}
"""The name that each driver's cursors are kept under, for ever."""
BATCH = 200
POLL_S = 0.5
LEASE_S = 15
RENEW_S = 5.0
MAX_BACKOFF_S = 10.0
log = structlog.get_logger(__name__)

_LEASE = """
INSERT INTO messaging_sink_cursor AS c (sink, position, owner, lease_until, last_error)
VALUES (%s, 0, %s, statement_timestamp() + make_interval(secs => %s), '')
ON CONFLICT (sink) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until
WHERE c.owner = excluded.owner OR c.lease_until <= statement_timestamp()
RETURNING position
"""

_MOVE = """
UPDATE messaging_sink_cursor SET position = %s, last_error = '', updated_at = statement_timestamp()
WHERE sink = %s AND owner = %s AND position = %s
"""

_WHERE = """
SELECT c.position, h.position FROM messaging_sink_cursor AS c, messaging_feed_head AS h WHERE c.sink = %s AND h.id = 1
"""

_READ = """
SELECT position, id, aggregate_id, seq, type, version, data::text, headers::text, created_at,
       created_at > statement_timestamp() - interval '10 minutes'
FROM messaging_outbox
WHERE position > %s AND position <= %s AND type <> ALL(%s)
ORDER BY position LIMIT %s
"""


_OPEN: dict[Driver, Callable[[], Outlet]] = {
    "amqp": lambda: Broker(settings.STREAM_URL),
    "kafka": lambda: Kafka(settings.KAFKA_SERVERS, settings.KAFKA_OPTIONS),
}


def drivers() -> list[Driver]:
    """Drivers of the brokers that settings name."""
    named: dict[Driver, str] = {"amqp": settings.STREAM_URL, "kafka": settings.KAFKA_SERVERS}
    return [driver for driver, place in named.items() if place]


@dataclass
class Sink:
    """Publishes the log of one database to one broker; whoever holds its lease does, others wait for it to lapse."""

    source: str
    driver: Driver = "amqp"
    owner: UUID = field(default_factory=uuid7)
    broker: Outlet | None = None
    renew_at: float = 0.0

    @property
    def name(self) -> str:
        """Return the name that the cursor is kept under."""
        return SINKS[self.driver]

    def run(self, stopping: threading.Event) -> None:
        """Publish until told to stop; a broker that is away is tried again, ever more slowly up to ten seconds."""
        backoff = POLL_S
        while not stopping.is_set():
            try:
                self.flush()
            except Exception as error:
                log.warning("stream_interrupted", source=self.source, sink=self.name, error=repr(error))
                self._record_error(error)
                stopping.wait(backoff)
                backoff = min(MAX_BACKOFF_S, backoff * 2)
            else:
                backoff = POLL_S
                bell = _bell(self.source, self.driver)
                bell.wait(POLL_S)
                bell.clear()
        self.close()

    def flush(self) -> int:
        """Publish all that waits, if this relay may; return how many events went out."""
        count = 0
        while self._may_publish():
            sent, has_more = self._turn()
            count += sent
            if not has_more:
                break
        return count

    def close(self) -> None:
        """Give back the lease and the connection."""
        self._hang_up()
        try:
            self._execute(
                "UPDATE messaging_sink_cursor SET lease_until = statement_timestamp() WHERE sink = %s AND owner = %s",
                [self.name, self.owner],
            )
        except Exception as error:
            log.info("stream_lease_kept", source=self.source, error=repr(error))
        self.renew_at = 0.0

    def _may_publish(self) -> bool:
        if time.monotonic() < self.renew_at:
            return True
        asked_at = time.monotonic()
        if not self._execute(_LEASE, [self.name, self.owner, LEASE_S]):
            return False
        self.renew_at = asked_at + RENEW_S
        return True

    def _turn(self) -> tuple[int, bool]:
        """Publish one batch and move the cursor; return how many went out and whether more wait."""
        standing = self._execute(_WHERE, [self.name])
        if not standing or standing[0][0] >= standing[0][1]:
            return 0, False
        position, head = standing[0]
        rows = self._execute(_READ, [position, head, _internal_types(), BATCH])
        known, reached = _until_unknown(rows, head)
        letters = [_letter(self.source, self.driver, row) for row in known if row[4] in REGISTRY]
        if letters:
            self._send(letters)
            failpoints.reach("stream.before_cursor", self.source)
        if reached > position:
            self._execute(_MOVE, [reached, self.name, self.owner, position])
        return len(letters), position < reached < head

    def _send(self, letters: Sequence[Letter]) -> None:
        refuse_inside_transaction()
        if self.broker is None:
            self.broker = _OPEN[self.driver]()
        try:
            self.broker.send(letters)
        except BaseException:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        if self.broker is not None:
            self.broker.close()
            self.broker = None

    def _record_error(self, error: Exception) -> None:
        """Leave the reason where an operator finds it, if the database answers; else start over with it too."""
        try:
            self._execute(
                "UPDATE messaging_sink_cursor SET last_error = %s WHERE sink = %s AND owner = %s",
                [repr(error)[:2000], self.name, self.owner],
            )
        except Exception:
            connections[self.source].close()
            self.renew_at = 0.0

    def _execute(self, sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        with connections[self.source].cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []


def _internal_types() -> list[str]:
    return sorted(name for name, event in REGISTRY.items() if event.internal)


def _until_unknown(rows: list[tuple[Any, ...]], head: int) -> tuple[list[tuple[Any, ...]], int]:
    """Rows up to the first fresh one of a type this code does not know, and the position reached with them.

    Such an event is for the next version, which knows whether it is public: this one stops there. After ten minutes
    nobody is coming, and it goes on.
    """
    for index, row in enumerate(rows):
        if row[4] not in REGISTRY and row[9]:
            return rows[:index], row[0] - 1
    return rows, rows[-1][0] if len(rows) == BATCH else head


def _letter(source: str, driver: Driver, row: tuple[Any, ...]) -> Letter:
    position, event_id, aggregate_id, seq, name, version, data, headers, created_at, _ = row
    envelope = to_cloudevent(
        source=source,
        event_id=event_id,
        type=name,
        version=version,
        subject=aggregate_id,
        seq=seq,
        data=msgspec.json.decode(data),
        headers=msgspec.json.decode(headers),
        created_at=created_at,
        position=position,
    )
    topic = get_topic(source)
    return Letter(str(event_id), name, topic, created_at, parcels(driver, envelope, topic))


def flush_once(source: str) -> int:
    """Publish what waits in one database to every broker and let go of everything; return how many events went out."""
    count = 0
    for driver in drivers():
        sink = Sink(source, driver)
        try:
            count += sink.flush()
        finally:
            sink.close()
    return count


_bells: dict[tuple[str, Driver], threading.Event] = {}


def _bell(source: str, driver: Driver) -> threading.Event:
    return _bells.setdefault((source, driver), threading.Event())


def wake(source: str) -> None:
    """Tell this process's sinks, if it has any, that events of `source` got positions."""
    for driver in SINKS:
        _bell(source, driver).set()
