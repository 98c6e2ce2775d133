"""Celery: dispatches deliveries, calls providers, runs periodic jobs; the database is the ledger, never the broker."""

import gc
import os
from typing import Any

import structlog
from celery import Celery
from celery.schedules import crontab
from celery.signals import (
    task_postrun,
    task_prerun,
    worker_before_create_process,
    worker_init,
    worker_process_init,
)
from click import Option
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES

from config.processes.alive import Alive
from config.processes.idle import Idleness
from messaging.delivery.queues import external_queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "config.processes.broker:Transport")

app = Celery("autosalon")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


JOBS: tuple[tuple[str, float | crontab, str], ...] = (
    ("accounts.restore_revocations", 60.0, "q.accounts"),
    ("accounts.publish_api_keys", 10.0, "q.accounts"),
    ("accounts.end_closings", 60.0, "q.accounts"),
    ("accounts.keep_erasures", crontab(minute="25"), "q.accounts"),
    ("accounts.purge_sessions", crontab(hour="1", minute="10"), "q.accounts"),
    ("catalog.apply_scheduled_prices", 30.0, "q.catalog"),
    ("catalog.fold_facets", 60.0, "q.catalog"),
    ("catalog.match_saved_searches", 60.0, "q.catalog"),
    ("catalog.release_expired_reservations", 5.0, "q.catalog"),
    ("catalog.resume_imports", 30.0, external_queue("catalog")),
    ("clients.resume_imports", 30.0, external_queue("clients")),
    ("financing.redate_loans", crontab(hour="0", minute="20"), "q.financing"),
    ("financing.accrue_loans", crontab(hour="0", minute="40"), "q.financing"),
    ("insurance.collect_premiums", crontab(minute="5"), "q.insurance"),
    ("notifications.send_deferred", 15.0, "q.notifications"),
    ("notifications.forget_old_deliveries", crontab(hour="1", minute="20"), "q.notifications"),
    ("payments.ask_about_open_payments", 60.0, "q.payments"),
    ("payments.attend_receipts", 15.0, "q.payments"),
    ("payments.reconcile_yesterday", crontab(hour="1", minute="40"), external_queue("payments")),
    ("orders.attend_checkouts", 60.0, "q.orders"),
    ("orders.ask_for_freed_cars", 60.0, "q.orders"),
    ("orders.expire_offers", 300.0, "q.orders"),
    ("orders.remind_of_handovers", 300.0, "q.orders"),
    ("orders.fold_stats", 60.0, "q.orders"),
    ("orders.purge_carts", crontab(hour="1", minute="50"), "q.orders"),
    ("orders.purge_deal_quotes", crontab(hour="1", minute="55"), "q.orders"),
    ("showroom.send_reminders", 300.0, "q.showroom"),
)
"""Task, seconds between runs or time of the night (UTC), and the queue whose workers run it."""
PURGE_AT = crontab(hour="1", minute="30")
END_AT = crontab(hour="2", minute="10")
ORPHANS_AT = crontab(hour="2", minute="40")


app.steps["worker"].add(Alive)
app.user_options["worker"].add(Option(("--alive-file",), help="touched by the worker's loop, for health checks"))


@app.on_after_finalize.connect
def schedule_jobs(sender: Celery, **_: object) -> None:
    """Periodic jobs of the served apps, in code: reviewable, no tables."""
    for task, every, queue in JOBS:
        if task.partition(".")[0] in settings.SERVICES:
            _schedule(sender, task, every, queue)
    for alias in settings.SERVICES:
        _schedule(sender, "messaging.purge", PURGE_AT, external_queue(alias), alias)
        _schedule(sender, "messaging.end_kept_data", END_AT, external_queue(alias), alias)
        _schedule(sender, "messaging.delete_orphans", ORPHANS_AT, external_queue(alias), alias)
        _schedule(sender, "gateway.expire_approvals", 300.0, external_queue(alias), alias)
        if settings.RELAY_MODE == "task":
            _schedule(sender, "messaging.relay", 2.0, external_queue(alias), alias)


def _schedule(sender: Celery, task: str, every: float | crontab, queue: str, *arguments: str) -> None:
    """A run that no worker took before the next one is due is dropped: after an outage there is no queue of them."""
    expires = every if isinstance(every, float) else 3600.0
    job = sender.signature(task, args=arguments, queue=queue, expires=expires)
    sender.add_periodic_task(every, job, name=" ".join([task, *arguments]))


@worker_init.connect
def refuse_poolers(**_: object) -> None:
    """End a worker that could not hold the locks it works by, before it takes a task."""
    from core.db import NeedsSession, require_session

    try:
        require_session("a worker")
    except NeedsSession as error:
        raise SystemExit(f"autosalon: {error}") from None


@worker_before_create_process.connect
def share_memory(**_: object) -> None:
    """A child has its memory in common with us until either writes there, and a collection writes to every object."""
    gc.collect()
    gc.freeze()


_idleness = Idleness()


@worker_process_init.connect
def watch_sessions(**_: object) -> None:
    """Have a child close the sessions that it has no use for."""
    _idleness.watch()


@task_prerun.connect
def begin_task(**_: object) -> None:
    """Keep sessions from being closed during a task."""
    _idleness.end()


@task_postrun.connect
def end_task(**_: object) -> None:
    """Count from the end of a task."""
    _idleness.begin()


@task_prerun.connect
def name_the_task(task_id: str = "", task: Any = None, **_: object) -> None:
    """Every line that a task logs says which task; an event's own request id wins over the task's."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(task=getattr(task, "name", ""), task_id=task_id)


@task_prerun.connect
def drop_dead_connections(**_: object) -> None:
    """With connections kept between tasks, one to a restarted database must not cost the next task."""
    from django.db import close_old_connections

    close_old_connections()
