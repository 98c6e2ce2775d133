"""Let events flow in tests, without workers and without sleeping."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from django.conf import settings
from django.db import connections

from core.db import transaction
from core.events import Command, Event, Message
from messaging.delivery import calls, sweep, wakeups, work_queues
from messaging.delivery.dispatcher import dispatch
from messaging.models import FeedHead, InboxCursor, InboxEvent, OutboxEvent
from messaging.outbox import publish, send
from messaging.subscriptions import Handler, subscriptions
from messaging.transport import relay
from messaging.transport.relay_loop import list_targets


def drain_outbox(*aliases: str, rounds: int = 100) -> int:
    """Deliver every committed event of `aliases` (default: all a test may touch) until nothing moves.

    Returns how many shards, external calls and work queues ran. Timers fire only if due.
    """
    wanted = list(aliases) or list(settings.SERVICES)
    with wakeups.muted():
        total = _catch_up(wanted)
        moving = wanted
        for _ in range(rounds):
            touched = set[str]()
            total += sum(_turn(alias, wanted, touched) for alias in moving)
            if not touched:
                return total
            moving = [alias for alias in wanted if alias in touched]
    raise AssertionError(f"events still move after {rounds} rounds")


def _catch_up(aliases: list[str]) -> int:
    """Bring every inbox to the end of every log; from then on each event is handed to those alone that want it."""
    total = sum(len(_place(alias)) for alias in aliases)
    heads = {each: FeedHead.objects.using(each).values_list("epoch", "position").first() for each in aliases}
    for alias in aliases:
        cursors = InboxCursor.objects.using(alias).values_list("source", "handler", "epoch", "position")
        places = {(source, handler): place for source, handler, *place in cursors}
        for source, head in heads.items():
            if any(places.get((source, item.name)) != list(head or ()) for item in relay.readers(source, alias)):
                total += relay.copy_all(source, alias)
    return total


def _place(alias: str) -> set[str]:
    """Give every event that waits its position; return their types."""
    types = set[str]()
    while placed := relay.sequence(alias):
        types.update(event["type"] for event in placed)
    return types


def _turn(alias: str, wanted: list[str], touched: set[str]) -> int:
    """Move on what is in one database; note in which ones something may wait after that: nothing writes elsewhere."""
    types = _place(alias)
    targets = [target for target in list_targets(alias, types) if target in wanted]
    copied = sum(relay.copy_all(alias, target) for target in targets)
    due = sweep.look(alias)
    shards = sweep.due_shards(alias, due)
    while shards and dispatch(alias):
        pass
    waiting = calls.due_calls(alias) if due.calls or shards else []
    made = sum(calls.execute_call(alias, key) for key in waiting)
    done = sum(work_queues.run_work_queue(name) for name in work_queues.due_work_queues(alias))
    touched.update(targets)
    if types or shards or made or done:
        touched.add(alias)
    return len(types) + copied + len(shards) + made + done


def deliver_twice(alias: str, *events: Event | Command) -> None:
    """Publish facts and send commands as their apps would; the app `alias` hears each twice, without an error."""
    for event in events:
        with transaction(event.app()):
            send(event) if isinstance(event, Command) else publish(event)
    aliases = sorted({event.app() for event in events} | {alias})
    inbox = InboxEvent.objects.using(alias)
    for _ in range(2):
        drain_outbox(*aliases)
        errors = list(inbox.exclude(last_error="").values_list("handler", "last_error"))
        assert not errors, errors
        inbox.update(status=0)
    drain_outbox(*aliases)


def receive(handler: Handler, *messages: Message) -> None:
    """Give a handler messages as a delivery does: written, read, and understood as what the handler takes."""
    item = next(item for item in subscriptions().values() if item.function is handler)
    heard = [each for message in messages for each in item.read(message.type, msgspec.json.encode(message))]
    for each in [heard] if item.is_batch else heard:
        handler(each)


def published(alias: str) -> list[str]:
    """Types of all events in a database's outbox, in order."""
    return list(OutboxEvent.objects.using(alias).order_by("n").values_list("type", flat=True))


def make_due(alias: str) -> None:
    """Bring every retry and timer of a database forward to now."""
    with connections[alias].cursor() as cursor:
        cursor.execute("UPDATE messaging_inbox SET next_at = statement_timestamp() WHERE status = 0")
        cursor.execute("UPDATE messaging_timer SET due_at = statement_timestamp() WHERE fired_at IS NULL")
        cursor.execute(
            """UPDATE messaging_external_call SET next_at = statement_timestamp(), lease_until = NULL
               WHERE finished_at IS NULL"""
        )


@contextmanager
def capture_events(alias: str) -> Iterator[list[str]]:
    """Collect the types of the events published in the block."""
    before = OutboxEvent.objects.using(alias).count()
    collected: list[str] = []
    yield collected
    collected.extend(published(alias)[before:])
