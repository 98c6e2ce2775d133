"""The bench's own handler and its rival, a plain Celery task; benchmarks/events.py loads both into its processes."""

import django
from celery import shared_task
from django.db import connections

django.setup()

from catalog.events import CategoryChanged  # noqa: E402  (needs the apps set up)
from config.celery import app  # noqa: E402
from messaging.subscriptions import subscribe  # noqa: E402

HANDLER = "orders.bench"
_EFFECT = "INSERT INTO bench_effect (name, done_at) VALUES (%s, clock_timestamp())"


def record(event: CategoryChanged) -> None:
    """The effect: one row."""
    with connections["orders"].cursor() as cursor:
        cursor.execute(_EFFECT, [event.name])


record.__module__ = "orders.bench"
subscribe(CategoryChanged, name=HANDLER, start="now")(record)


@shared_task(name="bench.plain")
def plain(name: str) -> None:
    """The same effect without any guarantee."""
    with connections["orders"].cursor() as cursor:
        cursor.execute(_EFFECT, [name])


celery = app
