"""Gauges of the whole installation: what the last check of the books found, and the circuit breakers."""

import json
import time
from collections.abc import Iterator

import redis
from django.conf import settings
from prometheus_client.core import GaugeMetricFamily, Metric

from core.outside.breakers import LEVEL
from gateway.guards import breakers, guard

KEPT_S = 7 * 24 * 3600


def _key() -> str:
    return f"{settings.REDIS_PREFIX}:books"


def remember_books(counts: dict[str, int]) -> None:
    """Keep the number of disagreements of each check, for the metrics; without Valkey they are not shown."""
    try:
        guard.client().set(_key(), json.dumps({"at": time.time(), "counts": counts}), ex=KEPT_S)
    except redis.RedisError:
        return


def book_gauges() -> Iterator[Metric]:
    """`books_disagreements{check}` and the age of that check in seconds; nothing before the first check."""
    try:
        found = guard.client().get(_key())
    except redis.RedisError:
        return
    if not found:
        return
    last = json.loads(found)
    gauge = GaugeMetricFamily("books_disagreements", "What the last check of the books found", labels=["check"])
    for check, count in last["counts"].items():
        gauge.add_metric([check], count)
    yield gauge
    yield GaugeMetricFamily("books_age_seconds", "Seconds since that check", value=time.time() - last["at"])


def breaker_gauges() -> Iterator[Metric]:
    """`breaker_state` of each database (as this process sees it) and provider: 0 closed, 1 half-open, 2 open."""
    labels = ["name", "kind", "scope"]
    state = GaugeMetricFamily("breaker_state", "0 closed, 1 half-open, 2 open", labels=labels)
    failures = GaugeMetricFamily("breaker_failures", "Failed calls in a row that count against it", labels=labels)
    for row in breakers.standing():
        values = [row[label] for label in labels]
        state.add_metric(values, LEVEL[row["state"]])
        failures.add_metric(values, row["failures"])
    yield state
    yield failures
