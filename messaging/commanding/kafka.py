"""Take partners' commands from Kafka: each is committed once it is obeyed, or kept with why it was refused."""

import threading
import time
from collections.abc import Mapping
from typing import Any

import structlog
from django.utils import timezone

from messaging.commanding.calls import INTERRUPTED, Caller, Later, Patience, Problem, write_refusal
from messaging.commanding.commands import LONG_ID, Message
from messaging.publishing.destinations import Letter, Parcel
from messaging.publishing.kafka import Kafka, Quiet, client_settings, ensure_topics, library

TOPIC = "autosalon.commands"
GROUP = "autosalon.commands"
REFUSED = "autosalon.commands.refused"
LOOK_S = 0.5
"""So long a stop is not noticed at most, while nothing comes; so often the group hears of a reader that waits."""
MAX_BACKOFF_S = 10.0
_SETTINGS: dict[str, Any] = {
    "client.id": "autosalon",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "fetch.wait.max.ms": 100,
    "session.timeout.ms": 10_000,
    "heartbeat.interval.ms": 2_000,
}
"""The first reader begins with the oldest command that is kept; one that died is missed after ten seconds."""
log = structlog.get_logger(__name__)


def consume(servers: str, options: Mapping[str, str], stopping: threading.Event) -> None:
    """Obey until told to stop; brokers that are away are tried again, ever more slowly up to ten seconds."""
    backoff = 0.5
    while not stopping.is_set():
        has_obeyed = False
        try:
            consumer = Consumer(servers, options, stopping)
            try:
                consumer.run()
            finally:
                has_obeyed = consumer.has_obeyed
                consumer.close()
        except Exception as error:
            INTERRUPTED.labels("kafka").inc()
            log.warning("commands_interrupted", broker="kafka", error=repr(error))
            stopping.wait(backoff)
            backoff = 0.5 if has_obeyed else min(MAX_BACKOFF_S, backoff * 2)


class Consumer:
    """One reader of the group: it takes one command after the other, those of a partition in their order."""

    def __init__(self, servers: str, options: Mapping[str, str], stopping: threading.Event) -> None:
        self.kafka = library()
        common = client_settings(servers, options)
        ensure_topics(common, {TOPIC, REFUSED})
        self.refusals = Kafka(servers, options)
        self.reader = self.kafka.Consumer({**common, **_SETTINGS, "group.id": GROUP}, logger=Quiet())
        self.caller = Caller()
        self.stopping = stopping
        self.has_obeyed = False
        self.lost: set[tuple[str, int]] = set()
        """Partitions that went to another reader while a command of theirs was waited for."""

    def run(self) -> None:
        """Obey until told to stop. Raises KafkaException, NotConfirmed."""
        self.reader.subscribe([TOPIC], on_revoke=self._lose, on_lost=self._lose)
        while not self.stopping.is_set():
            record = self.reader.poll(LOOK_S)
            if record is None:
                continue
            if record.error() is not None:
                raise self.kafka.KafkaException(record.error())
            self._obey(record)

    def close(self) -> None:
        """Leave the group; what was not committed comes again, to whoever reads the partition next."""
        self.caller.close()
        self.reader.close()
        self.refusals.close()

    def _lose(self, _reader: Any, partitions: list[Any]) -> None:
        self.lost |= {(one.topic, one.partition) for one in partitions}

    def _obey(self, record: Any) -> None:
        """See one command through; a stop, or another reader of its partition, leaves it to whoever comes next."""
        given, patience = _read(record), Patience()
        self.lost.clear()
        while not self.stopping.is_set() and (record.topic(), record.partition()) not in self.lost:
            said = self.caller.put(given)
            if isinstance(said, Later) and (wait_s := patience.wait_s(said)) is not None:
                self._wait(wait_s)
                continue
            problem = said.problem if isinstance(said, Later) else said
            if problem is not None:
                self._refuse(given, problem)
            self._commit(record)
            self.has_obeyed = True
            log.info("command_refused" if problem else "command_obeyed", broker="kafka", message_id=given.id)
            return

    def _wait(self, seconds: float) -> None:
        """Wait as a member of the group: it takes whoever asks for nothing for dead, and we must not ask for more."""
        self.reader.pause(self.reader.assignment())
        ends_at = time.monotonic() + seconds
        while (left := ends_at - time.monotonic()) > 0 and not self.stopping.is_set():
            came = self.reader.poll(min(LOOK_S, left))
            if came is not None and came.error() is None:
                self.reader.seek(self.kafka.TopicPartition(came.topic(), came.partition(), came.offset()))
                self.reader.pause(self.reader.assignment())
        self.reader.resume(self.reader.assignment())

    def _commit(self, record: Any) -> None:
        """Say that a command is done; where the group has moved on it comes again, and its id keeps it from acting."""
        try:
            self.reader.commit(message=record, asynchronous=False)
        except self.kafka.KafkaException as error:
            log.info("command_comes_again", broker="kafka", error=str(error))

    def _refuse(self, given: Message, problem: Problem) -> None:
        """Keep a refused command beside the reason, without its token. Raises NotConfirmed."""
        parcel = Parcel("topic", REFUSED, given.id, write_refusal(given, problem), "application/problem+json")
        self.refusals.send([Letter(given.id, "command.refused", REFUSED, timezone.now(), (parcel,))])


def _read(record: Any) -> Message:
    """Return a record as a message: its headers `id` and `authorization` are what properties are elsewhere."""
    headers = {str(name).lower(): (value or b"").decode(errors="replace") for name, value in record.headers() or ()}
    return Message(headers.get("id", "")[:LONG_ID], headers.get("authorization", ""), record.value() or b"")
