"""Celery: executes drains, calls to providers and periodic jobs; the database is the ledger, never the broker."""

import os

from celery import Celery
from celery.signals import task_prerun
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("autosalon")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_finalize.connect
def schedule_jobs(sender: Celery, **_: object) -> None:
    """Periodic jobs, in code: reviewable, no tables."""
    if settings.RELAY_MODE == "task":
        sender.add_periodic_task(2.0, sender.signature("messaging.relay", queue="q.external"))


@task_prerun.connect
def drop_dead_connections(**_: object) -> None:
    """With connections kept between tasks, one to a restarted database must not cost the next task."""
    from django.db import close_old_connections

    close_old_connections()
