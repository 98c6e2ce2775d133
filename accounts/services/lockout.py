"""Wrong passwords in a row: the account and the address wait, longer each time; then the account waits everywhere.

An address that fails at many different accounts within an hour waits for all of them: one password tried on everybody
never fails five times on one account. A network of IPv6 addresses counts as one.

A browser that once signed in has a cookie that says so, good for one account: its failures count for that device
alone, and nobody else's count for it. So strangers who fail on purpose keep nobody out of where they were before
(OWASP: Device Cookies). A new password by mail makes the device known too: the way in for whoever has none.

Counters live in Valkey and die with it: what remains then is the rate limit on signing in.
"""

import hashlib
import secrets
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

import redis
import structlog
from django.conf import settings
from django.core import signing
from django.http.response import HttpResponseBase

from accounts.errors import TooManyFailures
from gateway.access import step_up
from gateway.guards.guard import client

FAILURES_AT_ADDRESS = 5
FAILURES_ANYWHERE = 25
ACCOUNTS_AT_ADDRESS = 30
"""Different accounts, known or not, that an address may fail at within an hour."""
ADDRESS_WAIT_S = 900
ADDRESS_MEMORY_S = 3600
FIRST_WAIT_S = 60
LONGEST_WAIT_S = 3600
MEMORY_S = 86_400
DEVICE_KNOWN_S = 180 * 86_400
_SALT = "accounts.device"
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
        step_up.record_wait(-(-longest // 1000))
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
        if _device(account) is None:
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
    if (device := _device(account)) is not None:
        return [(f"{name}:device:{device}", FAILURES_AT_ADDRESS)]
    return [(f"{name}:{address}", FAILURES_AT_ADDRESS), (name, FAILURES_ANYWHERE)]


def _remaining_ms(account: str, address: str) -> list[int]:
    pipe, names = client().pipeline(), [name for name, _ in _counters(account, address)]
    for name in names if _device(account) else [*names, _of_address(address)]:
        pipe.pttl(f"{name}:wait")
    return list(pipe.execute())


def remember_device(response: HttpResponseBase, user_id: UUID) -> None:
    """Give a browser whose owner signed in the cookie of a known device; each time another one."""
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps([str(user_id), secrets.token_urlsafe(12)], salt=_SALT),
        max_age=DEVICE_KNOWN_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _device(account: str) -> str | None:
    """The device of this request, if this very account signed in on it before."""
    asked = step_up.current()
    if asked is None or not asked.device:
        return None
    try:
        whose, device = signing.loads(asked.device, salt=_SALT, max_age=DEVICE_KNOWN_S)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return str(device) if whose == account else None


def _digest(account: str) -> str:
    return hashlib.sha256(account.encode()).hexdigest()[:32]


def _of_address(address: str) -> str:
    try:
        known = ip_address(address)
        network = str(ip_network(f"{known}/64", strict=False)) if isinstance(known, IPv6Address) else address
    except ValueError:
        network = address
    return f"{settings.REDIS_PREFIX}:failures-of:{network}"
