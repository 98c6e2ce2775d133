"""Gauges of the whole installation: what the last check of the books found, and the circuit breakers."""

import json
import time
from collections.abc import Iterable

import redis
from django.conf import settings
from prometheus_client.core import Metric

from core.outside.breakers import LEVEL
from core.running.measures import Gauges, gauge
from gateway.guards import breakers, guard

_DISAGREE = gauge("books_disagreements", "Findings of the last `manage.py check_books`.", "check")
_BOOKS_AGE = gauge("books_age_seconds", "Since the last `manage.py check_books`.")
_LABELS = ("name", "kind", "scope")
_STATE = gauge("breaker_state", "Circuit breakers: 0 closed, 1 half-open, 2 open.", *_LABELS)
_FAILURES = gauge("breaker_failures", "Failed calls in a row that count against what a breaker guards.", *_LABELS)
KEPT_S = 7 * 24 * 3600


def _key() -> str:
    return f"{settings.REDIS_PREFIX}:books"


def remember_books(counts: dict[str, int]) -> None:
    """Keep the number of disagreements of each check, for the metrics; without Valkey they are not shown."""
    try:
        guard.client().set(_key(), json.dumps({"at": time.time(), "counts": counts}), ex=KEPT_S)
    except redis.RedisError:
        return


def book_gauges() -> Iterable[Metric]:
    """`books_disagreements{check}` and the age of that check in seconds; nothing before the first check."""
    gauges = Gauges()
    try:
        found = guard.client().get(_key())
    except redis.RedisError:
        found = None
    if found:
        last = json.loads(found)
        for check, count in last["counts"].items():
            gauges.add(_DISAGREE, count, check=check)
        gauges.add(_BOOKS_AGE, time.time() - last["at"])
    return gauges.families.values()


def breaker_gauges() -> Iterable[Metric]:
    """`breaker_state` of each database (as this process sees it) and provider: 0 closed, 1 half-open, 2 open."""
    gauges = Gauges()
    for row in breakers.standing():
        labels = {label: str(row[label]) for label in _LABELS}
        gauges.add(_STATE, LEVEL[row["state"]], **labels)
        gauges.add(_FAILURES, row["failures"], **labels)
    return gauges.families.values()
