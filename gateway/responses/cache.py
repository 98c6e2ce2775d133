"""Answers cached in Valkey that are never older than the last write that committed.

Who finds nothing leaves a *lease*, reads the database, and its entry is taken only while that very lease lies there.
Who writes adds a *mark* to whatever is there before the commit, and takes it away after: a lease from before the
commit is worthless, and while any mark lies everybody reads the database. A writer that dies in between leaves its mark
to run out. Keys carry the server's run id, so what lay there before a restart of Valkey, when drops may have been
missed, is never read. Without Valkey everything comes from the database.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import redis
import structlog
from django.conf import settings
from django.db import connections
from django.db.models import Model
from django.db.models.signals import post_delete, post_save
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.db import before_commit, in_transaction, on_commit
from gateway.guards.guard import OwnConnection

LEASE_S = 20
MARK_S = 180
"""Longer than any transaction may last."""
REST_S = 1.0
"""So long a process that found Valkey away reads the database without asking again."""
ENTRY, LEASE, MARK = b"=", b"?", b"!"
log = structlog.get_logger(__name__)

_TAKE = """
local found = redis.call('GET', KEYS[1])
if found then return found end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return ARGV[1]
"""
_FILL = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
return 1
"""
_UNDER = """
local ages = {}
for index, root in ipairs(KEYS) do
  local age = redis.call('GET', root)
  if not age or string.sub(age, 1, 1) ~= '=' then return false end
  ages[index] = string.sub(age, 2)
end
return redis.call('GET', ARGV[1] .. table.concat(ages, '.') .. ARGV[2])
"""
"""The entry that hangs on the ages of its roots, where all are known and none is marked."""
_LIVING = """
local now = tonumber(redis.call('TIME')[1])
local found, marks = redis.call('GET', KEYS[1]), ''
if found and string.sub(found, 1, 1) == '!' then
  for mark, ends_at in string.gmatch(found, '(%x+)@(%d+);') do
    if mark ~= ARGV[1] and tonumber(ends_at) > now then marks = marks .. mark .. '@' .. ends_at .. ';' end
  end
elseif found and ARGV[3] == 'unmark' then return 1 end
"""
"""What other writers are at it: one that died does not outlive its own time, however many come after."""
_MARK = f"""{_LIVING}
redis.call('SET', KEYS[1], '!' .. marks .. ARGV[1] .. '@' .. (now + ARGV[2]) .. ';', 'EX', ARGV[2])
return 1
"""
_UNMARK = f"""{_LIVING}
if marks == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], '!' .. marks, 'KEEPTTL') end
return 1
"""


@dataclass(frozen=True)
class Cache:
    """Entries made of what `alias` holds, each under a key of its own, for so many `seconds`; 0 keeps none."""

    name: str
    alias: str
    seconds: Callable[[], int]

    def find(self, key: object, read: Callable[[], bytes | None]) -> bytes | None:
        """The cached entry, or what `read()` gives, which is cached unless it is None or a write was under way."""
        if not self.is_on:
            return read()
        held = self._take(key)
        if held is not None and held.startswith(ENTRY):
            return held[1:]
        found = read()
        if held is not None and found is not None:
            self._ask("offer", lambda: line.run(_FILL, self.path(key), held, ENTRY + found, self.seconds()))
        return found

    @property
    def is_on(self) -> bool:
        """Tell whether entries may be read: never inside a transaction, which must see its own changes."""
        return self.seconds() > 0 and not connections[self.alias].in_atomic_block

    def path(self, key: object) -> str:
        """Return what the key is called in Valkey, before the life of the server."""
        return f"{self.name}:{key}"

    def _take(self, key: object) -> bytes | None:
        """The cached entry, or a lease of our own; None when there is a write or another reader, or no Valkey."""
        lease = LEASE + secrets.token_bytes(12)
        held = self._ask("read", lambda: line.run(_TAKE, self.path(key), lease, LEASE_S))
        return held if held is not None and (held.startswith(ENTRY) or held == lease) else None

    def _ask(self, what: str, command: Callable[[], Any]) -> Any:
        if line.is_resting:
            return None
        try:
            return command()
        except redis.RedisError as error:
            log.warning("cache_away", cache=self.name, what=what, error=repr(error))
            line.rest()
            return None

    # Entries that hang on others --------------------------------------------------------------------------------
    def find_under(self, roots: Sequence[str], key: str, read: Callable[[], bytes | None]) -> bytes | None:
        """As `find`, for what many rows decide: the entry is void as soon as one of `roots` is forgotten."""
        if not self.is_on:
            return read()
        paths = [self.path(root) for root in roots]
        held: bytes | None = self._ask("read", lambda: line.run_under(paths, self.path(""), key))
        return held if held is not None else self._read_under(roots, key, read)

    def _read_under(self, roots: Sequence[str], key: str, read: Callable[[], bytes | None]) -> bytes | None:
        ages = [self.find(root, _new_age) or b"" for root in roots]
        if not all(ages):
            return read()
        path = self.path(f"{b'.'.join(ages).decode()}:{key}")
        found = read()
        if found is not None:
            self._ask("offer", lambda: line.run("SET", path, found, self.seconds()))
        return found

    # Writes -----------------------------------------------------------------------------------------------------
    def forget(self, key: object, *, is_new: bool = False) -> None:
        """Drop the entry with the open transaction that changes what it shows; `is_new`: there cannot be one yet.

        Outside a transaction it is dropped at once.
        """
        if self.seconds() == 0:
            return
        if in_transaction(self.alias):
            drop = before_commit(self.alias, ("cache", self.path(key)), Drop(self, key))
            drop.is_new |= is_new
        else:
            Drop(self, key)()

    def watch(self, model: type[Model], key: Callable[[Any], object], *, is_own: bool = False) -> None:
        """Forget the key of every row of `model` that is saved or deleted; `is_own`: no other row shares it.

        Whoever writes past `save()` and `delete()` calls `forget`: no signal tells of update(), bulk_create(),
        bulk_update() and of SQL. Tests refuse a write of these tables that nobody told of.
        """

        def forget(instance: Any, created: bool = False, **_: Any) -> None:
            self.forget(key(instance), is_new=created and is_own)

        for signal in (post_save, post_delete):
            signal.connect(forget, sender=model, weak=False, dispatch_uid=f"cache-{self.name}-{model.__name__}")


class Drop:
    """Marks a key just before the commit, and takes the mark away after it."""

    def __init__(self, cache: Cache, key: object) -> None:
        self.cache, self.key, self.is_new = cache, key, False
        self.mark = secrets.token_hex(12)

    def __call__(self) -> None:
        if not self.is_new:
            self.lay()
            on_commit(self.cache.alias, self.take_away)

    def lay(self) -> None:
        """From now on nothing is cached under the key."""
        self._run("mark_missed", _MARK, "mark")

    def take_away(self) -> None:
        """The change is there for everyone to read."""
        self._run("drop_missed", _UNMARK, "unmark")

    def _run(self, failure: str, script: str, what: str) -> None:
        try:
            line.run(script, self.cache.path(self.key), self.mark, MARK_S, what)
        except redis.RedisError as error:
            log.warning(failure, cache=self.cache.name, key=str(self.key), error=repr(error))


def _new_age() -> bytes:
    return secrets.token_hex(8).encode()


# The line to Valkey ---------------------------------------------------------------------------------------------------
_pools: dict[str, redis.ConnectionPool] = {}


def _pool() -> redis.ConnectionPool:
    """Connections to the cache's database that give up soon: the real one is not far."""
    url = settings.REDIS.url(1)
    if url not in _pools:
        patience = settings.VALKEY_PATIENCE_S
        _pools[url] = redis.ConnectionPool.from_url(
            url, socket_timeout=patience, socket_connect_timeout=patience, retry=Retry(NoBackoff(), 0)
        )
    return _pools[url]


class Line(OwnConnection):
    """This thread's connection. Every key names the life of the server it was made for."""

    def __init__(self) -> None:
        super().__init__(_pool)
        self.life = ""
        self.rests_until = 0.0

    @property
    def is_resting(self) -> bool:
        """Tell whether Valkey was found away a moment ago."""
        return time.monotonic() < self.rests_until

    def rest(self) -> None:
        """Leave Valkey alone for a moment."""
        self.rests_until = time.monotonic() + REST_S

    def greet(self) -> None:
        """Learn which life of the server this is."""
        told: bytes = self.call("INFO", "server")
        self.life = told.split(b"run_id:")[1].split(b"\r\n")[0][:16].decode()

    def run(self, script: str, path: str, *arguments: Any) -> Any:
        """Run a script, or SET with an expiry, on one key; once more if the connection was cut."""
        return self.ask(lambda: self._run(script, self._key(path), arguments))

    def run_under(self, roots: Sequence[str], start: str, end: str) -> Any:
        """Read what hangs on `roots`, under the key that is named `start`, their ages, and `end`."""
        before = f"{settings.REDIS_PREFIX}:{start}"
        return self.ask(
            lambda: self.evaluate(_UNDER, [self._key(root) for root in roots], before, f":{end}:{self.life}")
        )

    def _key(self, path: str) -> str:
        return f"{settings.REDIS_PREFIX}:{path}:{self.life}"

    def _run(self, script: str, key: str, arguments: tuple[Any, ...]) -> Any:
        if script == "SET":
            return self.call("SET", key, arguments[0], "EX", arguments[1])
        return self.evaluate(script, [key], *arguments)


line = Line()
