"""Declare under which names of others events leave the house: rows of tables that the sinks of messaging read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Driver = Literal["amqp", "kafka"]
Kind = Literal["topic", "fanout", "queue"]
Reshape = Callable[[dict[str, Any]], Any]
"""Makes a body of a CloudEvent as JSON has it; None where this one is not told."""


@dataclass(frozen=True, kw_only=True)
class Destination:
    """One name of a broker's, and what is told there.

    `kind` says what the name is: an exchange (topic or fanout) or a queue of `amqp`, a topic of `kafka`. `events` are
    types of public events. Without `body` the whole CloudEvent is told; `schema` is the JSON Schema of what `body`
    makes. A topic exchange has the event's type for the routing key, a topic of Kafka the aggregate's id for the key.
    """

    driver: Driver
    name: str
    events: tuple[str, ...]
    kind: Kind = "topic"
    body: Reshape | None = None
    schema: dict[str, Any] | None = None
    summary: str = ""

    def __post_init__(self) -> None:
        """Refuse a row that no broker could serve. Raises ValueError."""
        if self.driver == "kafka" and self.kind != "topic":
            raise ValueError(f"{self.name}: Kafka has topics only")
        if (self.body is None) != (self.schema is None):
            raise ValueError(f"{self.name}: a body of its own has a schema, and no other has")
