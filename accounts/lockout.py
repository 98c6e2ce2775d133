"""Wrong passwords in a row: the account and the address wait, longer each time; then the account waits everywhere.

Counters live in Valkey and die with it: what remains then is the rate limit on signing in.
"""

import hashlib

import redis
import structlog
from django.conf import settings

from accounts.errors import TooManyFailures
from gateway.guard import client

FAILURES_AT_ADDRESS = 5
FAILURES_ANYWHERE = 25
FIRST_WAIT_S = 60
LONGEST_WAIT_S = 3600
MEMORY_S = 86_400
log = structlog.get_logger(__name__)


def refuse_waiting(account: str, address: str) -> None:
    """Raise TooManyFailures while `account` waits, here or everywhere."""
    try:
        waits = _remaining_ms(account, address)
    except redis.RedisError as error:
        log.warning("lockout_unavailable", error=repr(error))
        return
    longest = max(waits)
    if longest > 0:
        raise TooManyFailures(seconds=-(-longest // 1000))


def count_failure(account: str, address: str) -> None:
    """Remember a wrong password; the fifth in a row from one address, and each after it, starts a wait."""
    try:
        for name, limit in _counters(account, address):
            pipe = client().pipeline()
            pipe.incr(name)
            pipe.expire(name, MEMORY_S)
            failures = pipe.execute()[0]
            wait = wait_s(failures, limit)
            if wait:
                client().set(f"{name}:wait", 1, ex=wait)
    except redis.RedisError as error:
        log.warning("lockout_unavailable", error=repr(error))


def forget_failures(account: str, address: str) -> None:
    """A right password, or a reset by mail, starts the count afresh."""
    names = [name for name, _ in _counters(account, address)]
    try:
        client().delete(*names, *(f"{name}:wait" for name in names))
    except redis.RedisError as error:
        log.warning("lockout_unavailable", error=repr(error))


def wait_s(failures: int, limit: int) -> int:
    """Seconds to wait after so many failures: a minute at the limit, doubled by each further one, up to an hour."""
    if failures < limit:
        return 0
    return min(LONGEST_WAIT_S, FIRST_WAIT_S << min(failures - limit, 6))


def _counters(account: str, address: str) -> list[tuple[str, int]]:
    name = f"{settings.REDIS_PREFIX}:failures:{hashlib.sha256(account.encode()).hexdigest()[:32]}"
    return [(f"{name}:{address}", FAILURES_AT_ADDRESS), (name, FAILURES_ANYWHERE)]


def _remaining_ms(account: str, address: str) -> list[int]:
    pipe = client().pipeline()
    for name, _ in _counters(account, address):
        pipe.pttl(f"{name}:wait")
    return list(pipe.execute())
