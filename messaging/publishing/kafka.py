"""Kafka as a sink: keyed records of an idempotent producer, each reported as delivered before the cursor moves."""

import importlib
import time
from collections.abc import Mapping, Sequence, Set
from typing import Any

import structlog

from messaging.publishing.destinations import Letter, Parcel
from messaging.publishing.ports import CONFIRM_S, CONNECT_S, NotConfirmed
from messaging.publishing.topics import EXCHANGE

ROOM_S = 0.2
"""So long the producer's own queue is given to make room."""
_SETTINGS: dict[str, Any] = {
    "client.id": EXCHANGE,
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
    "delivery.timeout.ms": int(CONFIRM_S * 1000),
    "socket.connection.setup.timeout.ms": int(CONNECT_S * 1000),
    "linger.ms": 5,
}
"""The partitioner is the one of Java's clients: a key is on one partition, whoever writes it."""
log = structlog.get_logger(__name__)


def library() -> Any:
    """Import the client, which is installed where Kafka is used. Raises ImportError, naming what to install."""
    try:
        return importlib.import_module("confluent_kafka")
    except ImportError as error:
        raise ImportError("Kafka needs its client: pip install -r requirements-kafka.txt") from error


def client_settings(servers: str, options: Mapping[str, str]) -> dict[str, Any]:
    """Settings that every client of ours has; `options` are librdkafka's own."""
    return {"bootstrap.servers": servers, "log_level": 3, **options}


class Kafka:
    """A producer that delivers in order within a key, and each record once while it lives."""

    def __init__(self, servers: str, options: Mapping[str, str]) -> None:
        self.kafka = library()
        self.common = client_settings(servers, options)
        self.producer = self.kafka.Producer({**self.common, **_SETTINGS}, logger=Quiet())
        self.known: set[str] = set()
        self.failures: list[str] = []

    def close(self) -> None:
        """Forget what was not delivered: it is sent again from the cursor, by another producer."""
        self.producer.purge(in_queue=True, in_flight=True, blocking=False)
        self.producer.flush(0)

    def send(self, letters: Sequence[Letter]) -> None:
        """Return once every record is reported as delivered. Raises NotConfirmed."""
        self.failures.clear()
        deadline = time.monotonic() + CONFIRM_S
        self._ensure({parcel.name for letter in letters for parcel in letter.parcels})
        for letter in letters:
            for parcel in letter.parcels:
                self._produce(letter, parcel, deadline)
        waiting = self.producer.flush(max(0.1, deadline - time.monotonic()))
        if self.failures:
            raise NotConfirmed(f"{len(self.failures)} records were not delivered: {self.failures[0]}")
        if waiting:
            raise NotConfirmed(f"{waiting} records were not delivered in {CONFIRM_S:.0f} s")

    def _produce(self, letter: Letter, parcel: Parcel, deadline: float) -> None:
        headers = {"id": letter.id, "type": letter.type, "content-type": parcel.content_type}
        while True:
            try:
                self.producer.produce(
                    parcel.name,
                    key=parcel.key,
                    value=parcel.body,
                    headers=headers,
                    timestamp=int(letter.created_at.timestamp() * 1000),
                    on_delivery=self._on_delivery,
                )
            except BufferError as error:
                if time.monotonic() > deadline:
                    raise NotConfirmed("the producer's queue stays full") from error
                self.producer.poll(ROOM_S)
            except self.kafka.KafkaException as error:
                raise NotConfirmed(str(error)) from error
            else:
                self.producer.poll(0)
                return

    def _on_delivery(self, error: Any, record: Any) -> None:
        if error is not None:
            self.failures.append(f"{record.topic()}: {error}")

    def _ensure(self, topics: set[str]) -> None:
        """Make topics that are not there, and remember which are. Raises NotConfirmed where no broker answers."""
        wanted = topics - self.known
        if wanted:
            ensure_topics(self.common, wanted)
        self.known |= topics


def ensure_topics(common: Mapping[str, Any], names: Set[str]) -> None:
    """Make topics that are not there, as large as the broker's defaults say; one that may not leaves it to others.

    `common` are the settings of the client. Raises NotConfirmed where no broker answers.
    """
    kafka, admin = library(), importlib.import_module("confluent_kafka.admin")
    client = admin.AdminClient(dict(common), logger=Quiet())
    try:
        there = set(client.list_topics(timeout=CONNECT_S).topics)
    except kafka.KafkaException as error:
        raise NotConfirmed(str(error)) from error
    missing = [admin.NewTopic(name) for name in sorted(names - there)]
    made = client.create_topics(missing, request_timeout=CONNECT_S) if missing else {}
    for name, future in made.items():
        try:
            future.result()
        except kafka.KafkaException as error:
            log.info("kafka_topic_not_made", topic=name, error=str(error))


class Quiet:
    """Takes librdkafka's own lines: what matters comes back as an error of a call."""

    def log(self, level: int, message: str, *args: Any) -> None:
        """Keep it where it is looked for."""
        log.debug("kafka_client", level=level, message=message % args if args else message)
