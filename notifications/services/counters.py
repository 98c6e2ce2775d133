"""Counters that all processes share through Valkey, for Prometheus; flushed, they begin again, as counters may."""

from collections.abc import Iterator

import redis
import structlog
from django.conf import settings
from prometheus_client.core import CounterMetricFamily, Metric

from core.running import measures
from gateway.guards.guard import client

_ATTEMPTS = "webhook_attempts_total"
measures.declare(_ATTEMPTS, "counter", "Attempts at webhooks by what came back.", ("code",))
log = structlog.get_logger(__name__)


def _key() -> str:
    return f"{settings.REDIS_PREFIX}:webhook_attempts"


def count_attempt(status_code: int | None) -> None:
    """Count one attempt at a webhook by the status that came back, `none` when none came."""
    code = "none" if status_code is None else str(status_code) if 100 <= status_code < 600 else "other"
    try:
        client().hincrby(_key(), code, 1)
    except redis.RedisError as error:
        log.warning("attempt_not_counted", error=type(error).__name__)


def webhook_counters() -> Iterator[Metric]:
    """`webhook_attempts_total{code}`; nothing while Valkey is away."""
    try:
        found: dict[bytes, bytes] = client().hgetall(_key())  # type: ignore[assignment]
    except redis.RedisError:
        return
    counter = CounterMetricFamily(_ATTEMPTS, measures.FAMILIES[_ATTEMPTS].text, labels=["code"])
    for code, count in sorted(found.items()):
        counter.add_metric([code.decode()], float(count))
    yield counter
