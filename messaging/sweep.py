"""The sweep: finds by looking at the tables what a lost nudge, a dead worker or a passed deadline left waiting."""

from django.db import connections

from messaging import nudges
from messaging.calls import due_calls
from messaging.errands import wake_due
from messaging.queues import queue_of
from messaging.relay import Nudge
from messaging.timers import fire_timers


def pending_lanes(alias: str) -> set[Nudge]:
    """Lanes with a delivery that is due."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT handler, shard FROM messaging_inbox
               WHERE status = 0 AND next_at <= statement_timestamp() LIMIT 1000"""
        )
        return {(alias, handler, shard) for handler, shard in cursor.fetchall()}


def sweep(alias: str) -> int:
    """Fire due timers, wake every lane, call and errand that waits, leave a heartbeat; return how many were woken.

    Nobody is woken again by the hundred while workers have more to look at than there is.
    """
    lanes = fire_timers(alias) | pending_lanes(alias)
    if not nudges.are_needed(queue_of(alias), len(lanes)):
        lanes = set()
    nudges.send(lanes)
    calls = due_calls(alias)
    queues = nudges.queues_outside(alias, len(calls))
    for queue in queues:
        for key in calls:
            nudges.send_call(alias, key, queue)
    errands = wake_due(alias)
    beat(alias, "sweep")
    return len(lanes) + (len(calls) if queues else 0) + errands


def beat(alias: str, role: str) -> None:
    """Record that a role is alive, by the database's clock."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """INSERT INTO messaging_heartbeat (role, beat_at) VALUES (%s, statement_timestamp())
               ON CONFLICT (role) DO UPDATE SET beat_at = excluded.beat_at""",
            [role],
        )
