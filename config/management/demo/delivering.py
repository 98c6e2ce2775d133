"""Deliver what a story published before it goes on, in this process; deadlines are left to the clock of the product."""

from django.conf import settings

from messaging.delivery import calls, sweep, wakeups, work_queues
from messaging.delivery.dispatcher import dispatch
from messaging.transport import relay
from messaging.transport.relay_loop import list_targets

ROUNDS = 200


class StillMoving(Exception):
    """Events beget events without end."""


def deliver_all() -> None:
    """Deliver until nothing moves. Raises StillMoving."""
    with wakeups.muted():
        for _ in range(ROUNDS):
            if sum(map(_turn, settings.SERVICES)) == 0:
                return
    raise StillMoving(f"events still move after {ROUNDS} rounds")


def _turn(alias: str) -> int:
    types = set[str]()
    while placed := relay.sequence(alias):
        types.update(event["type"] for event in placed)
    moved = len(types)
    if types:
        moved += sum(relay.copy_all(alias, target) for target in list_targets(alias, types))
    shards = sweep.pending_shards(alias)
    while shards and dispatch(alias):
        pass
    made = sum(calls.execute_call(alias, key) for key in calls.due_calls(alias))
    done = sum(work_queues.run_work_queue(name) for name in work_queues.due_work_queues(alias))
    return moved + len(shards) + made + done
