"""The sweep: finds by looking at the tables what a lost wake-up, a dead worker or a passed deadline left waiting."""

from typing import NamedTuple

from django.db import connections

from messaging.delivery import wakeups
from messaging.delivery.calls import DUE, due_calls
from messaging.delivery.queues import get_queue_name
from messaging.delivery.timers import fire_timers
from messaging.delivery.work_queues import wake_due
from messaging.transport.relay import Wakeup

_LOOK = f"""SELECT EXISTS (SELECT 1 FROM messaging_timer WHERE fired_at IS NULL AND due_at <= statement_timestamp()),
       EXISTS (SELECT 1 FROM messaging_inbox WHERE status = 0 AND next_at <= statement_timestamp()),
       EXISTS (SELECT 1 FROM messaging_external_call WHERE {DUE}),
       coalesce(extract(epoch FROM least(
           (SELECT min(due_at) FROM messaging_timer WHERE fired_at IS NULL),
           (SELECT min(next_at) FROM messaging_inbox WHERE status = 0),
           (SELECT min(next_at) FROM messaging_external_call WHERE state IN ('new', 'sent', 'unknown'))
       ) - statement_timestamp()), 'infinity')::float8"""


def pending_shards(alias: str) -> set[Wakeup]:
    """Find the shards with a delivery that is due."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT handler, shard FROM messaging_inbox
               WHERE status = 0 AND next_at <= statement_timestamp() LIMIT 1000"""
        )
        return {(alias, handler, shard) for handler, shard in cursor.fetchall()}


class Due(NamedTuple):
    """Of which tables of one database something is due, and in how many seconds the next that waits in them may be."""

    timers: bool
    deliveries: bool
    calls: bool
    next_s: float


def look(alias: str) -> Due:
    """Look by one statement where anything is due: most looks find nothing, and there are many."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_LOOK)
        return Due(*cursor.fetchone())


def due_shards(alias: str, due: Due) -> set[Wakeup]:
    """Fire the timers that are due; return the shards with a delivery that is."""
    fired = fire_timers(alias) if due.timers else set()
    return fired | (pending_shards(alias) if due.deliveries else set())


def sweep(alias: str, *, due: Due | None = None, is_beat_due: bool = True) -> int:
    """Fire due timers, wake every shard, call and work queue that waits; return how many were woken.

    Nobody is woken again by the hundred while workers have more to look at than there is. A heartbeat is left if
    `is_beat_due`: it is written to disk, so not at every look.
    """
    due = due or look(alias)
    shards = due_shards(alias, due)
    if not wakeups.are_needed(get_queue_name(alias), len(shards)):
        shards = set()
    wakeups.send(shards)
    calls = due_calls(alias) if due.calls else []
    queues = wakeups.queues_outside(alias, len(calls))
    for queue in queues:
        for key in calls:
            wakeups.send_call(alias, key, queue)
    work_queues = wake_due(alias)
    if is_beat_due:
        beat(alias, "sweep")
    return len(shards) + (len(calls) if queues else 0) + work_queues


def beat(alias: str, role: str) -> None:
    """Record that a role is alive, by the database's clock; a beat that a crash takes away harms nobody."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """INSERT INTO messaging_heartbeat (role, beat_at) VALUES (%s, statement_timestamp())
               ON CONFLICT (role) DO UPDATE SET beat_at = excluded.beat_at
               RETURNING set_config('synchronous_commit', 'off', true)""",
            [role],
        )
