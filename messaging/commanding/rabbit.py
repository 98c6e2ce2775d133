"""Take partners' commands from RabbitMQ: each is acknowledged once it is obeyed, or kept with why it was refused."""

import threading
from typing import Any

import structlog
from django.utils import timezone
from kombu.connection import Connection
from kombu.entity import Exchange, Queue

from messaging.commanding.calls import INTERRUPTED, Caller, Later, Patience, Problem, write_refusal
from messaging.commanding.commands import Message
from messaging.publishing.ports import CONFIRM_S, CONNECT_S

EXCHANGE = "autosalon.commands"
QUEUE = "autosalon.commands"
REFUSED = "autosalon.commands.refused"
LOOK_S = 1.0
"""So long a stop is not noticed at most, while nothing comes."""
MAX_BACKOFF_S = 10.0
log = structlog.get_logger(__name__)
_connect: Any = Connection
_Exchange: Any = Exchange
_Queue: Any = Queue
"""Taken as untyped: kombu says it has types and has few."""


def consume(url: str, stopping: threading.Event) -> None:
    """Obey until told to stop; a broker that is away is tried again, ever more slowly up to ten seconds."""
    backoff = 0.5
    while not stopping.is_set():
        consumer = Consumer(url, stopping)
        try:
            consumer.run()
        except Exception as error:
            INTERRUPTED.labels("rabbitmq").inc()
            log.warning("commands_interrupted", broker="rabbitmq", error=repr(error))
            stopping.wait(backoff)
            backoff = 0.5 if consumer.has_obeyed else min(MAX_BACKOFF_S, backoff * 2)
        finally:
            consumer.close()


class Consumer:
    """One connection that takes one command after the other; any number of processes may each have one."""

    def __init__(self, url: str, stopping: threading.Event) -> None:
        options = {"write_timeout": CONFIRM_S, "confirm_publish": True}
        self.connection = _connect(url, connect_timeout=CONNECT_S, transport_options=options)
        self.caller = Caller()
        self.stopping = stopping
        self.has_obeyed = False

    def run(self) -> None:
        """Obey until told to stop. Raises what the connection raises."""
        channel = self.connection.channel()
        _Queue(REFUSED, durable=True)(channel).declare()
        queue = _Queue(QUEUE, _Exchange(EXCHANGE, type="topic", durable=True), routing_key="#", durable=True)
        self.producer = self.connection.Producer(channel, auto_declare=False)
        with self.connection.Consumer([queue], channel=channel, on_message=self._obey, prefetch_count=1):
            while not self.stopping.is_set():
                try:
                    self.connection.drain_events(timeout=LOOK_S)
                except TimeoutError:
                    continue

    def close(self) -> None:
        """Hang up; what was not acknowledged comes again."""
        self.caller.close()
        self.connection.collect(socket_timeout=1)

    def _obey(self, message: Any) -> None:
        """See one command through; a stop meanwhile leaves it to whoever comes next."""
        given, patience = _read(message), Patience()
        while not self.stopping.is_set():
            said = self.caller.put(given)
            if isinstance(said, Later) and (wait_s := patience.wait_s(said)) is not None:
                self.stopping.wait(wait_s)
                continue
            problem = said.problem if isinstance(said, Later) else said
            if problem is not None:
                self._refuse(given, problem)
            message.ack()
            self.has_obeyed = True
            log.info("command_refused" if problem else "command_obeyed", message_id=given.id)
            return

    def _refuse(self, given: Message, problem: Problem) -> None:
        """Keep a refused command beside the reason; its token is not kept. Returns once the broker has it."""
        self.producer.publish(
            write_refusal(given, problem),
            exchange="",
            routing_key=REFUSED,
            mandatory=True,
            retry=False,
            content_type="application/problem+json",
            content_encoding="utf-8",
            delivery_mode=2,
            message_id=given.id,
            timestamp=int(timezone.now().timestamp()),
        )


def _read(message: Any) -> Message:
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    token = {str(name).lower(): value for name, value in (message.headers or {}).items()}.get("authorization", "")
    return Message(str(message.properties.get("message_id") or ""), str(token), body)
