"""Wake-ups: Celery messages that say where to look. They carry no facts, so any of them may be lost or doubled."""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from celery import current_app

from messaging.delivery.queues import FORMER_EXTERNAL_QUEUE, external_queue, get_queue_name
from messaging.transport.relay import Wakeup

ANYWAY = 1 / 16
"""How often a full queue gets more wake-ups all the same: those that wait there may be other shards'."""
log = structlog.get_logger(__name__)
_is_muted = False


def send(wakeups: Iterable[Wakeup]) -> None:
    """Wake a worker for each shard; a broker that is down is logged and made good by the sweep."""
    for alias, handler, shard in wakeups:
        _send("messaging.drain", (alias, handler, shard), get_queue_name(alias))


def send_call(alias: str, key: str, queue: str = "") -> None:
    """Wake a worker for one external call."""
    _send("messaging.execute_call", (alias, key), queue or external_queue(alias))


def are_needed(queue: str, count: int) -> bool:
    """Tell whether to say again, `count` times, what may have been said already: not while as many wake-ups wait.

    The sweep looks every second. If it always spoke, workers that were away for a minute would come back to sixty
    wake-ups for each shard that waits; reading those, they would be told more, and more, and never come to the end.
    """
    return bool(count) and (waiting(queue) < count or random.random() < ANYWAY)


def queues_outside(alias: str, count: int) -> list[str]:
    """Queues in which to say again that `count` pieces of an app's outside work wait.

    While wake-ups lie in its own one, perhaps only workers of a release before are there: they read the former queue.
    """
    own = external_queue(alias)
    asked = [own, FORMER_EXTERNAL_QUEUE] if waiting(own) else [own]
    return [queue for queue in asked if are_needed(queue, count)]


def waiting(queue: str) -> int:
    """Count the wake-ups no worker has taken yet; 0 also when the broker does not say."""
    try:
        with current_app.pool.acquire(block=True) as connection:
            return int(connection.default_channel.client.llen(queue))  # kombu's own count misses queues with a prefix
    except Exception:  # a broker that is away takes no wake-ups either
        return 0


def wake_work_queue(name: str, queue: str = "") -> None:
    """Wake a worker for a work queue."""
    _send("messaging.run_errand", (name,), queue or external_queue(name.partition(".")[0]))


def _send(task: str, arguments: tuple[Any, ...], queue: str) -> None:
    if _is_muted:
        return
    try:
        current_app.send_task(task, arguments, queue=queue, retry=False, ignore_result=True)
    except Exception as error:
        log.warning("wakeup_lost", task=task, arguments=arguments, error=repr(error))


@contextmanager
def muted() -> Iterator[None]:
    """Send nothing for the block: tests dispatch by themselves."""
    global _is_muted
    _is_muted = True
    try:
        yield
    finally:
        _is_muted = False
