"""Write a fact to the outbox of its app, and a command to that of its sender, in the transaction of the change."""

from typing import Any

import msgspec
from django.db import connections
from django.dispatch import receiver

from core import context
from core.db import OutsideTransaction, before_commit, in_transaction, on_commit
from core.events import Command, Event, Message
from core.ids import uuid7
from core.running import failpoints, measures
from core.secrecy.cards import mask_card_numbers, may_hold_card_number
from messaging.signals import event_committed, event_published

MAX_DATA_BYTES = 32_768
CHANNEL = "autosalon_outbox"
_PUBLISHED = measures.count("events_published_total", "Facts and commands committed.", "type")

_INSERT = """
WITH events AS MATERIALIZED (
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::int[], %s::text[], %s::text[])
        WITH ORDINALITY AS t(id, aggregate, aggregate_id, type, version, data, headers, rank)
), streams AS (
    INSERT INTO messaging_event_stream AS s (aggregate, aggregate_id, last_seq)
    SELECT aggregate, aggregate_id, count(*) FROM events GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (aggregate, aggregate_id) DO UPDATE SET last_seq = s.last_seq + excluded.last_seq
    RETURNING s.aggregate, s.aggregate_id, s.last_seq
)
INSERT INTO messaging_outbox (id, aggregate, aggregate_id, seq, type, version, data, headers)
SELECT e.id, e.aggregate, e.aggregate_id,
       s.last_seq + 1 - row_number() OVER (PARTITION BY e.aggregate, e.aggregate_id ORDER BY e.rank DESC),
       e.type, e.version, e.data::jsonb, e.headers::jsonb
FROM events e JOIN streams s USING (aggregate, aggregate_id)
ORDER BY e.rank
"""


class EventTooLarge(ValueError):
    """An event's data exceeds what intermediaries must carry; put the bulk behind a reference."""


def publish(event: Event) -> None:
    """Record a fact; it commits with the change or not at all.

    Raises OutsideTransaction unless `core.db.transaction` is open on the database of the event's app.
    """
    event_published.send(type(event), event=event)


def send(command: Command) -> None:
    """Ask another app for something, in the sender's outbox; the request commits with the change or not at all.

    Raises OutsideTransaction unless `core.db.transaction` is open on the database of the command's sender.
    """
    event_published.send(type(command), event=command)


@receiver(event_published)
def write_outbox(sender: type[Message], event: Message, **_: Any) -> None:
    """Queue the event for the one statement that writes all of a transaction's events just before it commits."""
    alias = sender.app()
    if not in_transaction(alias):
        raise OutsideTransaction(f"{sender.type} was published outside transaction({alias!r})")
    before_commit(alias, "outbox", _Flush(alias)).events.append((event, uuid7(), context.current()))


class _Flush:
    """Writes a transaction's events last, so that stream rows are locked briefly and in one order: no deadlocks."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.events: list[tuple[Message, Any, dict[str, Any]]] = []

    def __call__(self) -> None:
        events = [event for event, *_ in self.events]
        data = [_without_cards(msgspec.json.encode(event)) for event in events]
        if any(len(item) > MAX_DATA_BYTES for item in data):
            raise EventTooLarge(", ".join(sorted({event.type for event in events})))
        columns = (
            [event_id for _, event_id, _ in self.events],
            [event.aggregate for event in events],
            [event.aggregate_id for event in events],
            [event.type for event in events],
            [event.version for event in events],
            [item.decode() for item in data],
            [msgspec.json.encode(headers).decode() for *_, headers in self.events],
        )
        with connections[self.alias].cursor() as cursor:
            cursor.execute(_INSERT, columns)
        failpoints.reach("emit.after_outbox", self.alias)
        on_commit(self.alias, self._wake_relay)

    def _wake_relay(self) -> None:
        for event, *_ in self.events:
            _PUBLISHED.labels(event.type).inc()
            event_committed.send_robust(type(event), event=event)
        failpoints.reach("oncommit.before_notify", self.alias)
        ring(self.alias)


def ring(source: str) -> None:
    """Have the relay look at a log now.

    A statement of its own after the commit: inside it, NOTIFY would serialise all commits of the cluster.
    """
    with connections[source].cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")


def _without_cards(data: bytes) -> bytes:
    """Mask what no edge should have let in: an event is kept for months, in several databases."""
    if not may_hold_card_number(data):
        return data
    return msgspec.json.encode(mask_card_numbers(msgspec.json.decode(data)))
