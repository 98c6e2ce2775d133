"""Circuit breakers of providers, shared by all processes through Valkey: one learns, all spare the call.

`with provider("stripe", call=key): …` around a call refuses it at once while the breaker is open, and counts an
exception against the provider. Calls recorded with `delivery.calls` are guarded already. Without Valkey each process
counts for itself; a flushed Valkey means closed.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import redis
import structlog
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.errors import Unavailable
from core.outside.breakers import Breaker, Policy
from core.postgres.breakers import get_breaker
from gateway.guards.guard import client

log = structlog.get_logger(__name__)
_decode = msgspec.json.Decoder(Breaker).decode
STRANGER = "stranger:"
"""Breakers of those who asked us to call them begin so: that they are away is no fault of this installation."""
Change = Callable[[Breaker, float], tuple[Breaker, float]]


class ProviderAway(Unavailable):
    """The provider did not answer lately and is spared for a while."""

    code = "provider_unavailable"
    detail = _("The provider is temporarily unavailable.")


def policy() -> Policy:
    """The settings' thresholds; a probe may take as long as a call to a provider."""
    return Policy(
        failures=settings.BREAKER_FAILURES,
        cool_s=settings.BREAKER_COOL_S,
        longest_s=max(300.0, settings.BREAKER_COOL_S),
        probe_s=settings.PROVIDER_CONNECT_TIMEOUT_S + 2.0 * settings.PROVIDER_TIMEOUT_S,
    )


@contextmanager
def provider(name: str, *, call: str = "", faults: tuple[type[Exception], ...] = (Exception,)) -> Iterator[None]:
    """Guard one call: raises ProviderAway while the breaker is open; `faults` count against the provider.

    `call` names what is tried: its second failure is the same failure.
    """
    wait_s = ask(name)
    if wait_s:
        raise ProviderAway(retry_after=max(1, round(wait_s)))
    try:
        yield
    except faults:
        failed(name, call or str(time.monotonic_ns()))
        raise
    answered(name)


def ask(name: str) -> float:
    """0 when a call may be made now (half-open: this call is the only probe), else seconds to wait."""
    return _change(name, lambda breaker, now: breaker.ask(now, policy()))


def answered(name: str) -> None:
    """The provider answered, be it a refusal."""
    _change(name, lambda breaker, now: (breaker.succeed(), 0.0))


def failed(name: str, call: str) -> None:
    """The provider did not answer, or said that it could not."""
    _change(name, lambda breaker, now: (breaker.fail(call, now, policy()), 0.0))


def _key() -> str:
    return f"{settings.REDIS_PREFIX}:breakers"


def _change(name: str, change: Change) -> float:
    try:
        before, after, wait_s = _change_shared(name, change)
    except redis.RedisError as error:
        log.warning("breaker_fallback", provider=name, error=type(error).__name__)
        before, after, wait_s = _change_local(name, change)
    if before.state != after.state:
        log.warning("provider_breaker", provider=name, before=before.state, state=after.state)
    return wait_s


def _change_shared(name: str, change: Change) -> tuple[Breaker, Breaker, float]:
    """Read, decide, write; anew if another process wrote meanwhile."""

    def decide(pipe: Any) -> tuple[Breaker, Breaker, float]:
        found = pipe.hget(_key(), name)
        seconds, micros = pipe.time()
        before = _decode(found) if found else Breaker()
        after, wait_s = change(before, seconds + micros / 1e6)
        pipe.multi()
        if after != before:
            pipe.hset(_key(), name, msgspec.json.encode(after))
        return before, after, wait_s

    transact: Any = client().transaction
    decided: tuple[Breaker, Breaker, float] = transact(decide, _key(), value_from_callable=True)
    return decided


_local: dict[str, Breaker] = {}
_lock = threading.Lock()


def _change_local(name: str, change: Change) -> tuple[Breaker, Breaker, float]:
    with _lock:
        before = _local.get(name, Breaker())
        after, wait_s = change(before, time.time())
        _local[name] = after
    return before, after, wait_s


def providers() -> tuple[dict[str, Breaker], str]:
    """Breakers by provider, and their scope: `shared`, or `process` while Valkey is away."""
    try:
        found: dict[bytes, bytes] = client().hgetall(_key())  # type: ignore[assignment]
    except redis.RedisError:
        return dict(_local), "process"
    return {name.decode(): _decode(kept) for name, kept in found.items()}, "shared"


def forget() -> None:
    """Close every provider's breaker."""
    _local.clear()
    client().delete(_key())


def drop(name: str) -> None:
    """Forget one that nobody will call again; without Valkey it is left behind."""
    _local.pop(name, None)
    try:
        client().hdel(_key(), name)
    except redis.RedisError as error:
        log.warning("breaker_kept", provider=name, error=type(error).__name__)


def standing() -> list[dict[str, Any]]:
    """Every breaker of ours as health and metrics show it: `{name, kind, scope, state, failures, retry_after}`."""
    shared, scope = providers()
    ours = sorted((name, breaker) for name, breaker in shared.items() if not name.startswith(STRANGER))
    rows = [("provider", scope, name, breaker) for name, breaker in ours]
    rows += [("database", "process", alias, get_breaker(alias).breaker) for alias in settings.LAYOUT.databases]
    return [_row(*row) for row in rows]


def _row(kind: str, scope: str, name: str, breaker: Breaker) -> dict[str, Any]:
    now = time.time() if kind == "provider" else time.monotonic()
    wait_s = 0.0 if breaker.state == "closed" else max(0.0, breaker.until - now)
    return {
        "name": name,
        "kind": kind,
        "scope": scope,
        "state": breaker.state,
        "failures": len(breaker.failed),
        "retry_after": round(wait_s, 1),
    }
