"""Wrong passwords in a row: the account and the address wait, longer each time; then the account waits everywhere.

An address that fails at many different accounts within an hour waits for all of them: one password tried on everybody
never fails five times on one account. A network of IPv6 addresses counts as one.

Counters live in Valkey and die with it: what remains then is the rate limit on signing in.
"""

import hashlib
from ipaddress import IPv6Address, ip_address, ip_network

import redis
import structlog
from django.conf import settings

from accounts.errors import TooManyFailures
from gateway.guard import client

FAILURES_AT_ADDRESS = 5
FAILURES_ANYWHERE = 25
ACCOUNTS_AT_ADDRESS = 30
"""Different accounts, known or not, that an address may fail at within an hour."""
ADDRESS_WAIT_S = 900
ADDRESS_MEMORY_S = 3600
FIRST_WAIT_S = 60
LONGEST_WAIT_S = 3600
MEMORY_S = 86_400
log = structlog.get_logger(__name__)


def refuse_waiting(account: str, address: str) -> None:
    """Raise TooManyFailures while `account` waits, here or everywhere, or the whole address does."""
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
        _count_account(account, address)
    except redis.RedisError as error:
        log.warning("lockout_unavailable", error=repr(error))


def _count_account(account: str, address: str) -> None:
    """A right password in between does not make an address innocent: anybody has an account of their own."""
    if not settings.RATE_LIMITS_ON:
        return
    name = _of_address(address)
    pipe = client().pipeline()
    pipe.sadd(name, _digest(account))
    pipe.expire(name, ADDRESS_MEMORY_S, nx=True)
    pipe.scard(name)
    if pipe.execute()[-1] >= ACCOUNTS_AT_ADDRESS:
        client().set(f"{name}:wait", 1, ex=ADDRESS_WAIT_S)


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
    name = f"{settings.REDIS_PREFIX}:failures:{_digest(account)}"
    return [(f"{name}:{address}", FAILURES_AT_ADDRESS), (name, FAILURES_ANYWHERE)]


def _remaining_ms(account: str, address: str) -> list[int]:
    pipe = client().pipeline()
    for name in [*(name for name, _ in _counters(account, address)), _of_address(address)]:
        pipe.pttl(f"{name}:wait")
    return list(pipe.execute())


def _digest(account: str) -> str:
    return hashlib.sha256(account.encode()).hexdigest()[:32]


def _of_address(address: str) -> str:
    try:
        known = ip_address(address)
        network = str(ip_network(f"{known}/64", strict=False)) if isinstance(known, IPv6Address) else address
    except ValueError:
        network = address
    return f"{settings.REDIS_PREFIX}:failures-of:{network}"
