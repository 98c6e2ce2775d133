"""The external stream: public events go to a RabbitMQ exchange, in the order of their positions, none left out.

A cursor per source moves only after the broker has confirmed everything before it, so a crash repeats events and
never skips one; readers drop ids they have seen. What no queue is bound to receive is kept in a queue of ours.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from django.conf import settings
from django.db import connections
from kombu.connection import Connection

from core import failpoints
from core.db import refuse_inside_transaction
from core.events import REGISTRY
from core.ids import uuid7
from messaging.publishing.envelope import to_cloudevent
from messaging.publishing.topics import EXCHANGE, UNROUTED, get_topic

SINK = "stream"
BATCH = 200
POLL_S = 0.5
LEASE_S = 15
RENEW_S = 5.0
CONFIRM_S = 10.0
CONNECT_S = 3.0
MAX_BACKOFF_S = 10.0
MAX_UNROUTED = 100_000
log = structlog.get_logger(__name__)
_connect: Any = Connection
"""Taken as untyped: kombu says it has types and has few."""

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


class NotConfirmed(ConnectionError):
    """The broker refused a message, or did not say in time that it has it."""


@dataclass(frozen=True)
class Letter:
    """An event ready to be sent: its routing key is its type."""

    id: str
    type: str
    topic: str
    body: bytes
    created_at: datetime


class Broker:
    """A connection on which every message is persistent, must reach a queue, and is confirmed."""

    def __init__(self, url: str) -> None:
        patience = {"read_timeout": CONFIRM_S, "write_timeout": CONFIRM_S}
        self.connection = _connect(url, connect_timeout=CONNECT_S, transport_options=patience)
        self.sent = 0
        self.waiting: set[int] = set()
        self.refused = False
        self.returned: set[str] = set()
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self.connection.connect()
        channel = self.connection.channel()
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        channel.exchange_declare(EXCHANGE, "topic", durable=True, auto_delete=False)
        limits = {"x-max-length": MAX_UNROUTED}
        channel.queue_declare(UNROUTED, durable=True, auto_delete=False, arguments=limits)
        self.producer = self.connection.Producer(channel, auto_declare=False)

    def close(self) -> None:
        """Drop the connection, whatever state it is in."""
        self.connection.collect(socket_timeout=1)

    def send(self, letters: Sequence[Letter]) -> None:
        """Return once the broker has all letters, in order. Raises NotConfirmed, or what the connection raises.

        What no queue wanted goes to ours, so that a reader who comes late, or an operator who unbound the wrong
        queue, finds it there; the oldest give way when there are too many.
        """
        self._send(letters, EXCHANGE, lambda letter: letter.type)
        homeless = [letter for letter in letters if letter.id in self.returned]
        if homeless:
            self._send(homeless, "", lambda _: UNROUTED)
            log.info("stream_unrouted", count=len(homeless), types=sorted({letter.type for letter in homeless}))
        if homeless and self.returned:
            raise NotConfirmed(f"the queue {UNROUTED} is gone")

    def _send(self, letters: Sequence[Letter], exchange: str, routing_key: Callable[[Letter], str]) -> None:
        self.returned.clear()
        for letter in letters:
            self.sent += 1
            self.waiting.add(self.sent)
            self.producer.publish(
                letter.body,
                exchange=exchange,
                routing_key=routing_key(letter),
                headers={"topic": letter.topic},
                content_type="application/cloudevents+json",
                content_encoding="utf-8",
                delivery_mode=2,
                mandatory=True,
                retry=False,
                message_id=letter.id,
                type=letter.type,
                app_id=EXCHANGE,
                timestamp=int(letter.created_at.timestamp()),
            )
        self._await_confirms()

    def _await_confirms(self) -> None:
        deadline = time.monotonic() + CONFIRM_S
        while self.waiting:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise NotConfirmed(f"{len(self.waiting)} messages were not confirmed in {CONFIRM_S:.0f} s")
            self.connection.drain_events(timeout=remaining)
        if self.refused:
            raise NotConfirmed("the broker refused a message")

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self.waiting -= {one for one in self.waiting if one <= tag} if multiple else {tag}

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self.refused = True
        self._on_ack(tag, multiple)

    def _on_return(self, error: Exception, exchange: str, routing_key: str, message: Any) -> None:
        self.returned.add(message.properties["message_id"])


@dataclass
class Sink:
    """Publishes the log of one database; whoever holds its lease does, others wait for it to lapse."""

    source: str
    owner: UUID = field(default_factory=uuid7)
    broker: Broker | None = None
    renew_at: float = 0.0

    def run(self, stopping: threading.Event) -> None:
        """Publish until told to stop; a broker that is away is tried again, ever more slowly up to ten seconds."""
        backoff = POLL_S
        while not stopping.is_set():
            try:
                self.flush()
            except Exception as error:
                log.warning("stream_interrupted", source=self.source, error=repr(error))
                self._record_error(error)
                stopping.wait(backoff)
                backoff = min(MAX_BACKOFF_S, backoff * 2)
            else:
                backoff = POLL_S
                _bell(self.source).wait(POLL_S)
                _bell(self.source).clear()
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
                [SINK, self.owner],
            )
        except Exception as error:
            log.info("stream_lease_kept", source=self.source, error=repr(error))
        self.renew_at = 0.0

    def _may_publish(self) -> bool:
        if time.monotonic() < self.renew_at:
            return True
        asked_at = time.monotonic()
        if not self._execute(_LEASE, [SINK, self.owner, LEASE_S]):
            return False
        self.renew_at = asked_at + RENEW_S
        return True

    def _turn(self) -> tuple[int, bool]:
        """Publish one batch and move the cursor; return how many went out and whether more wait."""
        standing = self._execute(_WHERE, [SINK])
        if not standing or standing[0][0] >= standing[0][1]:
            return 0, False
        position, head = standing[0]
        rows = self._execute(_READ, [position, head, _internal_types(), BATCH])
        known, reached = _until_unknown(rows, head)
        letters = [_letter(self.source, row) for row in known if row[4] in REGISTRY]
        if letters:
            self._send(letters)
            failpoints.reach("stream.before_cursor", self.source)
        if reached > position:
            self._execute(_MOVE, [reached, SINK, self.owner, position])
        return len(letters), position < reached < head

    def _send(self, letters: Sequence[Letter]) -> None:
        refuse_inside_transaction()
        if self.broker is None:
            self.broker = Broker(settings.STREAM_URL)
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
                [repr(error)[:2000], SINK, self.owner],
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


def _letter(source: str, row: tuple[Any, ...]) -> Letter:
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
    return Letter(str(event_id), name, get_topic(source), msgspec.json.encode(envelope), created_at)


def flush_once(source: str) -> int:
    """Publish what waits in one database and let go of everything; return how many events went out."""
    sink = Sink(source)
    try:
        return sink.flush()
    finally:
        sink.close()


_bells: dict[str, threading.Event] = {}


def _bell(source: str) -> threading.Event:
    return _bells.setdefault(source, threading.Event())


def wake(source: str) -> None:
    """Tell this process's sink, if it has one, that events of `source` got positions."""
    _bell(source).set()
