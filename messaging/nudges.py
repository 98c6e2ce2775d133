"""Nudges: Celery messages that say where to look. They carry no facts, so any of them may be lost or doubled."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from celery import current_app

from messaging.relay import Nudge

EXTERNAL_QUEUE = "q.external"
log = structlog.get_logger(__name__)
_is_muted = False


def queue_of(alias: str) -> str:
    """Name of the Celery queue whose workers drain one app's inbox."""
    return f"q.{alias}"


def send(nudges: Iterable[Nudge]) -> None:
    """Wake a worker for each lane; a broker that is down is logged and made good by the sweep."""
    for alias, handler, shard in nudges:
        _send("messaging.drain", (alias, handler, shard), queue_of(alias))


def send_call(alias: str, key: str) -> None:
    """Wake a worker for one external call."""
    _send("messaging.execute_call", (alias, key), EXTERNAL_QUEUE)


def send_errand(name: str) -> None:
    """Wake a worker for an errand."""
    _send("messaging.run_errand", (name,), EXTERNAL_QUEUE)


def _send(task: str, arguments: tuple[Any, ...], queue: str) -> None:
    if _is_muted:
        return
    try:
        current_app.send_task(task, arguments, queue=queue, retry=False, ignore_result=True)
    except Exception as error:
        log.warning("nudge_lost", task=task, arguments=arguments, error=repr(error))


@contextmanager
def muted() -> Iterator[None]:
    """Send nothing for the block: tests drain by themselves."""
    global _is_muted
    _is_muted = True
    try:
        yield
    finally:
        _is_muted = False
