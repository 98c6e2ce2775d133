"""One round trip to Valkey per request: is the token revoked, and is the caller within its rate limit.

The window is exact: the times of the last `limit` admitted requests are kept, by the server's own clock. When
Valkey is away each process counts for itself and remembers the revocations it saw.
"""

import hashlib
import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import redis
import structlog
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.errors import DomainError
from gateway.access import step_up
from gateway.principal import InvalidToken, Principal

T = TypeVar("T")
log = structlog.get_logger(__name__)

_SCRIPT = """
local jti, user_since = redis.call('EXISTS', KEYS[2]), redis.call('GET', KEYS[3])
if jti == 1 or (user_since and tonumber(ARGV[3]) <= tonumber(user_since)) then return {2, 0, 0} end
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
while true do
  local oldest = redis.call('LINDEX', KEYS[1], -1)
  if not oldest or now - tonumber(oldest) < window then break end
  redis.call('RPOP', KEYS[1])
end
local used = redis.call('LLEN', KEYS[1])
if used >= limit then return {0, 0, window - (now - tonumber(redis.call('LINDEX', KEYS[1], -1)))} end
redis.call('LPUSH', KEYS[1], now)
redis.call('PEXPIRE', KEYS[1], window)
local oldest = tonumber(redis.call('LINDEX', KEYS[1], -1))
return {1, limit - used - 1, window - (now - oldest)}
"""


class TooManyRequests(DomainError):
    """The caller used up its requests for the window."""

    code = "throttled"
    status = 429
    detail = _("Too many requests.")


@dataclass(frozen=True)
class Allowance:
    """Remainder of a limit: requests, and seconds until the oldest one leaves the window."""

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """RateLimit-* response headers."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }

    def ready(self) -> dict[str, tuple[str, str]]:
        """Return them as the edge sets them: by their names in small letters."""
        return {name.lower(): (name, value) for name, value in self.headers().items()}


@lru_cache(maxsize=1)
def client() -> redis.Redis:
    """This process's connection pool to the guards' database.

    One retry at once, for a connection that Valkey's restart cut: redis-py's own three, with growing pauses, would
    hold up every request for seconds while Valkey is away.
    """
    return redis.Redis.from_url(
        settings.REDIS.url(3),
        socket_timeout=settings.VALKEY_PATIENCE_S,
        socket_connect_timeout=settings.VALKEY_PATIENCE_S,
        health_check_interval=0,
        retry=Retry(NoBackoff(), 1),
    )


def own_connection(pool: redis.ConnectionPool) -> Any:
    """Make a connection as `pool` would, which belongs to the caller alone; it connects at its first use.

    redis-py's pool counts every connection that it makes until somebody gives it back. One that never connected, or
    whose thread ended, is never given back: after a hundred of them the pool makes no more, for as long as the process
    lives.
    """
    return pool.connection_class(**pool.connection_kwargs)


@lru_cache(maxsize=32)
def _digest(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


class OwnConnection(threading.local):
    """This thread's connection to the server of a pool: half the cost of going through the pool."""

    def __init__(self, pool: Callable[[], redis.ConnectionPool]) -> None:
        self._pool = pool
        self._connection: Any = None

    def ask(self, question: Callable[[], T]) -> T:
        """Call `question` while connected; once more on a new connection if this one failed. Raises RedisError."""
        try:
            return self._ask(question)
        except redis.RedisError:
            return self._ask(question)

    def _ask(self, question: Callable[[], T]) -> T:
        try:
            if self._connection is None:
                self._connection = own_connection(self._pool())
                self.greet()
            return question()
        except redis.RedisError:
            self.hang_up()
            raise

    def greet(self) -> None:
        """Ask what there is to know about a server that has just answered."""

    def hang_up(self) -> None:
        """Close the connection; the next question opens another."""
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None

    def call(self, *command: Any) -> Any:
        """Send a command, and return its answer."""
        self._connection.send_command(*command)
        return self._connection.read_response()

    def evaluate(self, script: str, keys: Sequence[str], *arguments: Any) -> Any:
        """Run a script by its digest, which a server that has restarted learns anew."""
        try:
            return self.call("EVALSHA", _digest(script), len(keys), *keys, *arguments)
        except redis.exceptions.NoScriptError:
            self.call("SCRIPT", "LOAD", script)
            return self.call("EVALSHA", _digest(script), len(keys), *keys, *arguments)


_line = OwnConnection(lambda: client().connection_pool)


@lru_cache(maxsize=32)
def get_limit(scope: str) -> tuple[int, int]:
    """(requests, window in milliseconds) of a scope in settings.RATE_LIMITS."""
    requests, _, seconds = settings.RATE_LIMITS[scope].partition("/")
    return int(requests), int(seconds) * 1000


_is_admitted: ContextVar[bool] = ContextVar("autosalon_is_admitted", default=False)


@contextmanager
def admitted() -> Iterator[None]:
    """Ask nothing more within the block: its request was admitted by `check`, whatever it calls inside."""
    token = _is_admitted.set(True)
    try:
        yield
    finally:
        _is_admitted.reset(token)


ADMISSION, ADMISSION_META = "X-Peer-Admission", "HTTP_X_PEER_ADMISSION"
_ADMITTED_S = 30


def issue_admission() -> str:
    """Return a word, good once, by which a request that was counted here is let in by another process of ours."""
    word = secrets.token_urlsafe(24)
    try:
        client().set(f"{settings.REDIS_PREFIX}:admission:{word}", 1, ex=_ADMITTED_S)
    except redis.RedisError as error:
        log.warning("guard_fallback", error=repr(error))
    return word


def is_admitted(word: str) -> bool:
    """Spend such a word; without Valkey the request is counted once more."""
    try:
        return bool(word) and bool(client().delete(f"{settings.REDIS_PREFIX}:admission:{word}"))
    except redis.RedisError:
        return False


def check(principal: Principal | None, address: str, scope: str) -> Allowance | None:
    """Admit a request or raise InvalidToken (revoked) or TooManyRequests; None when limits are off."""
    if _is_admitted.get():
        return None
    if not settings.RATE_LIMITS_ON:
        if principal is not None and is_revoked(principal):
            raise InvalidToken
        return None
    limit, window = get_limit(scope)
    who = str(principal.id) if principal else address
    verdict, remaining, reset_ms = _ask(f"{scope}:{who}", principal, limit, window)
    if verdict == 2:
        check(None, address, "default")
        raise InvalidToken
    allowance = Allowance(limit, remaining, -(-reset_ms // 1000))
    if verdict == 0:
        error = TooManyRequests(retry_after=max(1, allowance.reset_s))
        error.extra = {"retry_after": error.retry_after}
        step_up.record_wait(max(1, allowance.reset_s))
        error.headers = allowance.headers()  # type: ignore[attr-defined]
        raise error
    return allowance


def _ask(name: str, principal: Principal | None, limit: int, window: int) -> tuple[int, int, int]:
    prefix = settings.REDIS_PREFIX
    jti, user, issued = (principal.jti, principal.id, principal.issued_at) if principal else ("-", "-", 0)
    keys = (f"{prefix}:rl:{name}", f"{prefix}:revoked:{jti}", f"{prefix}:revoked:user:{user}")
    try:
        verdict, remaining, reset_ms = _line.ask(lambda: _line.evaluate(_SCRIPT, keys, limit, window, issued))
    except redis.RedisError as error:
        log.warning("guard_fallback", error=repr(error))
        return _local.ask(name, principal, limit, window)
    return verdict, remaining, reset_ms


def revoke_token(jti: str, expires_at: int) -> None:
    """Refuse one access token everywhere, until it would have expired by itself."""
    _local.revoked_tokens.add(jti)
    seconds = max(1, expires_at - int(time.time()))
    client().set(f"{settings.REDIS_PREFIX}:revoked:{jti}", 1, ex=seconds)


def revoke_user(user_id: object, *, lifetime_s: int) -> None:
    """Refuse every access token a user holds now; `lifetime_s` is how long the longest could live."""
    now = int(time.time())
    _local.revoked_users[str(user_id)] = now
    client().set(f"{settings.REDIS_PREFIX}:revoked:user:{user_id}", now, ex=lifetime_s)


def is_revoked(principal: Principal) -> bool:
    """Ask whether a token was revoked; without Valkey, by what this process has seen."""
    prefix = settings.REDIS_PREFIX
    try:
        jti, since = client().mget(f"{prefix}:revoked:{principal.jti}", f"{prefix}:revoked:user:{principal.id}")
    except redis.RedisError:
        return _local.is_revoked(principal)
    return jti is not None or (since is not None and principal.issued_at <= int(since))


_ASK_AT_ONCE = 500


def revoked_among(principals: list[Principal]) -> set[str]:
    """Token ids among these that were revoked, asked for all at once; without Valkey, by what this process saw."""
    found: set[str] = set()
    try:
        for first in range(0, len(principals), _ASK_AT_ONCE):
            found |= _revoked_among(principals[first : first + _ASK_AT_ONCE])
    except redis.RedisError:
        return {principal.jti for principal in principals if _local.is_revoked(principal)}
    return found


def _revoked_among(principals: list[Principal]) -> set[str]:
    prefix = settings.REDIS_PREFIX
    keys = [f"{prefix}:revoked:{principal.jti}" for principal in principals]
    keys += [f"{prefix}:revoked:user:{principal.id}" for principal in principals]
    values = client().mget(keys)
    tokens, users = values[: len(principals)], values[len(principals) :]
    return {
        principal.jti
        for principal, token, since in zip(principals, tokens, users, strict=True)
        if token is not None or (since is not None and principal.issued_at <= int(since))
    }


class _Local:
    """The same window counted by this process alone."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.admitted: defaultdict[str, deque[float]] = defaultdict(deque)
        self.revoked_tokens: set[str] = set()
        self.revoked_users: dict[str, int] = {}

    def is_revoked(self, principal: Principal) -> bool:
        since = self.revoked_users.get(str(principal.id))
        return principal.jti in self.revoked_tokens or (since is not None and principal.issued_at <= since)

    def ask(self, name: str, principal: Principal | None, limit: int, window: int) -> tuple[int, int, int]:
        if principal is not None and self.is_revoked(principal):
            return 2, 0, 0
        now = time.monotonic() * 1000
        with self.lock:
            times = self.admitted[name]
            while times and now - times[0] >= window:
                times.popleft()
            if len(times) >= limit:
                return 0, 0, int(window - (now - times[0]))
            times.append(now)
            return 1, limit - len(times), int(window - (now - times[0]))


_local = _Local()
