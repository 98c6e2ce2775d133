"""Celery's way into messaging: deliveries, calls to the outside world, and the relay where no process of its own runs.

The former queue of all outside work may hand a worker what is not its own: that goes to its owner's queue.
"""

from collections.abc import Callable, Sequence

import structlog
from celery import shared_task
from django.conf import settings
from django.db import connections
from django.utils import timezone

from core.files.orphans import delete_orphans
from messaging.delivery import calls, dispatcher, sweep, wakeups, work_queues
from messaging.people import endings
from messaging.publishing import sinks
from messaging.subscriptions import foreign_sources
from messaging.transport import relay_loop
from messaging.upkeep import retention

PURGE_LIMIT_S = 3600
log = structlog.get_logger(__name__)


@shared_task(name="messaging.drain")
def run_dispatch(alias: str, handler: str, shard: int) -> None:
    """Dispatch whatever is due in a database, and wake the next worker if more may be.

    The wake-up names one shard: a worker of the release before looks there alone, and the sweep wakes it for the rest.
    """
    if dispatcher.dispatch(alias):
        wakeups.send([(alias, handler, shard)])


@shared_task(name="messaging.execute_call", acks_late=True, reject_on_worker_lost=True)
def run_call(alias: str, key: str) -> None:
    """Make an external call, and what else waits for its provider; leases in the database stop a second one."""
    if alias in connections:
        calls.serve_provider(alias, key)
    else:
        wakeups.send_call(alias, key)


@shared_task(name="messaging.run_errand", acks_late=True, reject_on_worker_lost=True)
def run_work_queue(name: str) -> None:
    """Do what waits in a work queue; its lock in the database keeps a second worker away."""
    if name.partition(".")[0] in connections:
        work_queues.run_work_queue(name)
    else:
        wakeups.wake_work_queue(name)


@shared_task(name="messaging.relay")
def run_relay(*aliases: str) -> None:
    """One turn of the relay over some databases (default: the served ones), for RELAY_MODE=task."""
    ours = aliases or settings.SERVICES
    for alias in ours:
        _try("relay_failed", _turn, alias, ours)
    for source in foreign_sources(ours):
        _try("follow_failed", relay_loop.follow, source, ours)


def _turn(alias: str, ours: Sequence[str]) -> None:
    relay_loop.turn(alias, ours)
    sweep.sweep(alias)
    sinks.flush_once(alias)


def _try(failure: str, work: Callable[[str, Sequence[str]], None], alias: str, ours: Sequence[str]) -> None:
    """One database or peer that is away holds up no other."""
    try:
        work(alias, ours)
    except Exception as error:
        log.warning(failure, alias=alias, error=repr(error))


@shared_task(name="messaging.end_kept_data", time_limit=PURGE_LIMIT_S, soft_time_limit=PURGE_LIMIT_S - 60)
def run_endings(app: str) -> None:
    """End what one app kept of people and whose time is over; every night."""
    endings.end_due(app, now=timezone.now())


@shared_task(name="messaging.delete_orphans", time_limit=PURGE_LIMIT_S, soft_time_limit=PURGE_LIMIT_S - 60)
def run_orphans(app: str) -> None:
    """Delete the files of one app that no row names; every night."""
    delete_orphans(app, now=timezone.now())


@shared_task(name="messaging.purge", time_limit=PURGE_LIMIT_S, soft_time_limit=PURGE_LIMIT_S - 60)
def run_purge(alias: str) -> None:
    """Delete what one database no longer keeps; every night."""
    retention.purge(alias, now=timezone.now())
