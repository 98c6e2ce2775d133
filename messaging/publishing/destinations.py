"""Name the places outside that hear of each public event: our own, and those of the contracts that are switched on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from core.events import REGISTRY
from core.outside.destinations import Destination, Driver
from messaging.publishing.envelope import CloudEvent
from messaging.publishing.topics import EXCHANGE, KAFKA_PREFIX, UNROUTED

CLOUD_EVENT = "application/cloudevents+json"


@dataclass(frozen=True)
class Parcel:
    """One message of one event: the name it goes to, its key there, and its body."""

    kind: str
    name: str
    key: str
    body: bytes
    content_type: str = CLOUD_EVENT


@dataclass(frozen=True)
class Letter:
    """An event ready to be sent by one driver: by as many parcels as there are names for it."""

    id: str
    type: str
    topic: str
    created_at: datetime
    parcels: tuple[Parcel, ...]


_declared: dict[str, tuple[Destination, ...]] = {}


def declare(letter: str, destinations: Iterable[Destination]) -> None:
    """Publish by the table of a contract, too. Raises ValueError for a name of two kinds, or what is no public event.

    The table of a letter that is declared again is replaced.
    """
    table = tuple(destinations)
    for name in {name for row in table for name in row.events}:
        if name not in REGISTRY or REGISTRY[name].internal:
            raise ValueError(f"contract {letter}: {name!r} is no public event")
    kinds = {EXCHANGE: "topic", UNROUTED: ""}
    others = [rows for other, rows in _declared.items() if other != letter]
    for row in (row for rows in (*others, table) for row in rows if row.driver == "amqp"):
        if kinds.setdefault(row.name, row.kind) != row.kind:
            raise ValueError(f"contract {letter}: {row.name!r} is of two kinds")
    _declared[letter] = table


def declared() -> dict[str, tuple[Destination, ...]]:
    """Tables of the contracts that are switched on, by letter."""
    return _declared


def destinations(event: CloudEvent, topic: str) -> list[tuple[Driver, str, str, bytes]]:
    """List where an event goes: driver, name, key, body."""
    return [
        (driver, parcel.name, parcel.key, parcel.body) for driver in _NATIVE for parcel in parcels(driver, event, topic)
    ]


def parcels(driver: Driver, event: CloudEvent, topic: str) -> tuple[Parcel, ...]:
    """Make the messages of one event for one driver, each once however many tables name it."""
    whole = msgspec.json.encode(event)
    found = {_NATIVE[driver](event, topic, whole): None}
    rows = [row for table in _declared.values() for row in table if row.driver == driver and event.type in row.events]
    plain: dict[str, Any] = msgspec.to_builtins(event) if rows else {}
    for row in rows:
        key = event.type if (driver, row.kind) == ("amqp", "topic") else event.subject
        if row.body is None:
            found[Parcel(row.kind, row.name, key, whole)] = None
        elif (body := row.body(plain)) is not None:
            found[Parcel(row.kind, row.name, key, msgspec.json.encode(body), "application/json")] = None
    return tuple(found)


def _by_exchange(event: CloudEvent, topic: str, whole: bytes) -> Parcel:
    return Parcel("topic", EXCHANGE, event.type, whole)


def _by_topic(event: CloudEvent, topic: str, whole: bytes) -> Parcel:
    return Parcel("topic", f"{KAFKA_PREFIX}{topic}", event.subject, whole)


_NATIVE: dict[Driver, Callable[[CloudEvent, str, bytes], Parcel]] = {"amqp": _by_exchange, "kafka": _by_topic}
