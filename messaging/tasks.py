"""Celery's way into messaging: drains, calls to the outside world, and the relay where no process of its own runs."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from messaging import calls, drain, errands, nudges, relay_loop, retention, sinks, sweep

PURGE_LIMIT_S = 3600


@shared_task(name="messaging.drain")
def run_drain(alias: str, handler: str, shard: int) -> None:
    """Drain one lane, and wake the next worker if more became due meanwhile."""
    if drain.drain(alias, handler, shard):
        nudges.send([(alias, handler, shard)])


@shared_task(name="messaging.execute_call", acks_late=True, reject_on_worker_lost=True)
def run_call(alias: str, key: str) -> None:
    """Make one external call; its lease in the database stops twins."""
    calls.execute_call(alias, key)


@shared_task(name="messaging.run_errand", acks_late=True, reject_on_worker_lost=True)
def run_errand(name: str) -> None:
    """Do an errand; its lock in the database stops twins."""
    errands.run_errand(name)


@shared_task(name="messaging.relay")
def run_relay() -> None:
    """One turn of the relay over every served database, for RELAY_MODE=task."""
    for alias in settings.SERVICES:
        relay_loop.turn(alias)
        sweep.sweep(alias)
        if settings.STREAM_URL:
            sinks.flush_once(alias)


@shared_task(name="messaging.purge", time_limit=PURGE_LIMIT_S, soft_time_limit=PURGE_LIMIT_S - 60)
def run_purge(alias: str) -> None:
    """Delete what one database no longer keeps; every night."""
    retention.purge(alias, now=timezone.now())
