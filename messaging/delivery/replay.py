"""Replay: a handler that allows it is given its past again, and so rebuilds what it keeps."""

from collections.abc import Callable

from django.db import connections

from core.db import transaction
from messaging.delivery.dispatcher import dispatch
from messaging.outbox import ring
from messaging.peering.peers import is_here
from messaging.subscriptions import Subscription, subscriptions
from messaging.transport import relay
from messaging.transport.logs import read_head

CHUNK = 5000


class NotReplayable(ValueError):
    """No such handler, a handler that must not hear its past again, or a source that it does not read."""


def find(handler: str, source: str = "") -> tuple[Subscription, list[str]]:
    """The subscription and the sources to replay. Raises NotReplayable."""
    item = subscriptions().get(handler)
    if item is None:
        raise NotReplayable(f"there is no handler {handler}")
    if not item.is_replayable:
        raise NotReplayable(f"{handler} is not replayable: what it did would be done again")
    if source and source not in item.sources:
        raise NotReplayable(f"{handler} reads {', '.join(sorted(item.sources))}, not {source}")
    return item, [source] if source else sorted(item.sources)


def rewind(item: Subscription, source: str, *, first: int = 1) -> int:
    """Have the handler hear `source` again from position `first` on; return how many deliveries were forgotten.

    Cursor and deliveries go back together. Those that wait go too, since they would overtake the older ones;
    what was discarded by hand stays discarded. Raises NotReplayable.
    """
    if first > 1 and not is_here(source):
        raise NotReplayable(f"{source} is on another machine: its events can be replayed only from the first on")
    with transaction(item.alias), connections[item.alias].cursor() as cursor:
        cursor.execute(
            "SELECT position FROM messaging_inbox_cursor WHERE source = %s AND handler = %s FOR UPDATE",
            [source, item.name],
        )
        if cursor.fetchone() is None:
            return 0
        forgotten = _forget(item, source, first - 1)
        cursor.execute(
            """UPDATE messaging_inbox_cursor SET position = least(position, %s), updated_at = statement_timestamp()
               WHERE source = %s AND handler = %s""",
            [first - 1, source, item.name],
        )
    if is_here(source):
        ring(source)
    return forgotten


def _forget(item: Subscription, source: str, after: int) -> int:
    """Drop the handler's deliveries of what lies beyond a position; only the source knows what does."""
    with connections[item.alias].cursor() as cursor:
        if after <= 0:
            cursor.execute(
                "DELETE FROM messaging_inbox WHERE handler = %s AND source = %s AND status <> 3", [item.name, source]
            )
            return int(cursor.rowcount)
        total = 0
        while rows := _beyond(item, source, after):
            after = rows[-1][0]
            cursor.execute(
                "DELETE FROM messaging_inbox WHERE handler = %s AND event_id = ANY(%s) AND status <> 3",
                [item.name, [event_id for _, event_id in rows]],
            )
            total += cursor.rowcount
    return total


def _beyond(item: Subscription, source: str, after: int) -> list[tuple[int, object]]:
    with connections[source].cursor() as cursor:
        cursor.execute(
            """SELECT position, id FROM messaging_outbox WHERE position > %s AND type = ANY(%s)
               ORDER BY position LIMIT %s""",
            [after, list(item.events), CHUNK],
        )
        rows: list[tuple[int, object]] = cursor.fetchall()
    return rows


def first_kept(source: str) -> int:
    """The first position that the source's log still has; earlier ones were purged. 1 when nothing was."""
    head = read_head(source)
    return head.oldest if head else 1


def remaining(item: Subscription, sources: list[str]) -> int:
    """Positions not yet copied, and deliveries that can go on but have not."""
    total = 0
    for source in sources:
        head = read_head(source)
        with connections[item.alias].cursor() as cursor:
            cursor.execute(
                """SELECT greatest(0, %s - coalesce(max(position), 0)) FROM messaging_inbox_cursor
                   WHERE source = %s AND handler = %s AND NOT is_paused""",
                [head.head if head else 0, source, item.name],
            )
            total += int(cursor.fetchone()[0])
    with connections[item.alias].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM messaging_inbox WHERE handler = %s AND status = 0 AND next_at < '9999-01-01'",
            [item.name],
        )
        total += int(cursor.fetchone()[0])
    return total


def catch_up(item: Subscription, sources: list[str], tick: Callable[[int], None] = lambda left: None) -> int:
    """Copy and handle what was rewound, in this process too, so that it ends even where no worker runs.

    Returns what is left: deliveries that failed and wait for another try.
    """
    left = remaining(item, sources)
    while left:
        tick(left)
        moved = [relay.copy(source, item.alias)[1] for source in sources]
        dispatch(item.alias, item.name)
        before, left = left, remaining(item, sources)
        if left >= before and not any(moved):
            break
    tick(left)
    return left
