"""Deadlines as rows: they outlive every process and fire once, in the partition of what they guard."""

from datetime import datetime
from typing import Any

import msgspec
from django.db import connections

from core.db import OutsideTransaction, in_transaction
from core.events import Message
from messaging.models import Timer
from messaging.subscriptions import subscriptions
from messaging.transport.relay import Wakeup

_FIRE = """
WITH due AS (
    SELECT id FROM messaging_timer WHERE fired_at IS NULL AND due_at <= statement_timestamp()
    ORDER BY due_at LIMIT 200 FOR UPDATE SKIP LOCKED
), fired AS (
    UPDATE messaging_timer AS t SET fired_at = statement_timestamp() FROM due WHERE t.id = due.id RETURNING t.*
)
INSERT INTO messaging_inbox (event_id, handler, source, aggregate, aggregate_id, seq, lane, shard, type, version,
                             data, headers, status, attempts, last_error)
SELECT id, handler, 'timer', 'timer', lane, 0, lane, shard, type, 1, data, '{}', 0, 0, '' FROM fired
ON CONFLICT (event_id, handler) DO NOTHING
RETURNING handler, shard
"""


def set_timer(*, handler: str, event: Message, due_at: datetime) -> Timer:
    """Deliver `event` to `handler` of its own app when the database's clock reaches `due_at`.

    A span from now is counted from `core.db.database_now`: the worker's own clock may be minutes off.
    Raises OutsideTransaction: a deadline commits with the state it guards.
    """
    subscription = subscriptions()[handler]
    if not in_transaction(subscription.alias):
        raise OutsideTransaction(f"a timer for {handler} was set outside transaction({subscription.alias!r})")
    data: dict[str, Any] = msgspec.to_builtins(event)
    key = subscription.partition_key(event.aggregate_id, data)
    return Timer.objects.using(subscription.alias).create(
        handler=handler, partition_key=key, shard=subscription.shard(key), type=event.type, data=data, due_at=due_at
    )


def cancel_timers(*, alias: str, partition_key: str, event_type: str) -> int:
    """Drop the timers of one kind that have not fired; return how many there were."""
    waiting = Timer.objects.using(alias).filter(partition_key=partition_key, type=event_type, fired_at__isnull=True)
    return waiting.delete()[0]


def fire_timers(alias: str) -> set[Wakeup]:
    """Turn due timers into deliveries; return the shards to wake."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_FIRE)
        return {(alias, handler, shard) for handler, shard in cursor.fetchall()}
