"""RabbitMQ as a sink: our topic exchange, and the exchanges and queues of contracts; every message is confirmed."""

import time
from collections.abc import Sequence
from typing import Any

import structlog
from amqp.exceptions import NotFound
from kombu.connection import Connection

from messaging.publishing.destinations import Letter, Parcel
from messaging.publishing.ports import CONFIRM_S, CONNECT_S, NotConfirmed
from messaging.publishing.topics import EXCHANGE, UNROUTED

MAX_UNROUTED = 100_000
log = structlog.get_logger(__name__)
_connect: Any = Connection
"""Taken as untyped: kombu says it has types and has few."""


class Broker:
    """A connection on which every message is persistent and confirmed, and ours must reach a queue."""

    def __init__(self, url: str) -> None:
        patience = {"read_timeout": CONFIRM_S, "write_timeout": CONFIRM_S}
        self.connection = _connect(url, connect_timeout=CONNECT_S, transport_options=patience)
        self.sent = 0
        self.waiting: set[int] = set()
        self.refused = False
        self.returned: set[str] = set()
        self.known = {("topic", EXCHANGE)}
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

        What no queue wanted of our own exchange goes to a queue of ours, so that a reader who comes late, or an
        operator who unbound the wrong queue, finds it there; the oldest give way when there are too many.
        """
        self.returned.clear()
        for letter in letters:
            for parcel in letter.parcels:
                self._send(letter, parcel)
        self._await_confirms()
        homeless = [letter for letter in letters if letter.id in self.returned]
        if homeless:
            self._store(homeless)

    def _store(self, homeless: list[Letter]) -> None:
        self.returned.clear()
        for letter in homeless:
            whole = next(parcel for parcel in letter.parcels if parcel.name == EXCHANGE)
            self._publish(letter, whole, exchange="", routing_key=UNROUTED, mandatory=True)
        self._await_confirms()
        log.info("stream_unrouted", count=len(homeless), types=sorted({letter.type for letter in homeless}))
        if self.returned:
            raise NotConfirmed(f"the queue {UNROUTED} is gone")

    def _send(self, letter: Letter, parcel: Parcel) -> None:
        """A fanout that nobody listens to tells nobody; a queue is there, for we have seen to it."""
        self._ensure(parcel)
        if parcel.kind == "queue":
            self._publish(letter, parcel, exchange="", routing_key=parcel.name, mandatory=True)
        else:
            is_ours = parcel.name == EXCHANGE
            self._publish(letter, parcel, exchange=parcel.name, routing_key=parcel.key, mandatory=is_ours)

    def _publish(self, letter: Letter, parcel: Parcel, *, exchange: str, routing_key: str, mandatory: bool) -> None:
        self.sent += 1
        self.waiting.add(self.sent)
        self.producer.publish(
            parcel.body,
            exchange=exchange,
            routing_key=routing_key,
            headers={"topic": letter.topic},
            content_type=parcel.content_type,
            content_encoding="utf-8",
            delivery_mode=2,
            mandatory=mandatory,
            retry=False,
            message_id=letter.id,
            type=letter.type,
            app_id=EXCHANGE,
            timestamp=int(letter.created_at.timestamp()),
        )

    def _ensure(self, parcel: Parcel) -> None:
        """See to it that an exchange or queue is there: as its reader declared it, else durable."""
        if (parcel.kind, parcel.name) in self.known:
            return
        options: dict[str, Any] = {"durable": True, "auto_delete": False}
        if not self._declare(parcel, {"passive": True}):
            self._declare(parcel, options)
        self.known.add((parcel.kind, parcel.name))

    def _declare(self, parcel: Parcel, options: dict[str, Any]) -> bool:
        """Tell whether it is there now. The broker closes a channel on which it is asked for what is not."""
        channel = self.connection.channel()
        try:
            if parcel.kind == "queue":
                channel.queue_declare(parcel.name, **options)
            else:
                channel.exchange_declare(parcel.name, parcel.kind, **options)
        except NotFound:
            return False
        channel.close()
        return True

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
