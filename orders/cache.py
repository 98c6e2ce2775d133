"""Orders at hand in Valkey for five minutes, and never older than the last write that committed.

Who finds nothing leaves a *lease*, reads the database, and its copy is taken only while that very lease lies there.
Who writes lays a *mark* over whatever is there before the commit, and takes it away after: a lease from before the
commit is worthless, and while the mark lies everybody reads the database. A writer that dies in between leaves its mark
to run out. Keys carry the server's run id, so what lay there before a restart of Valkey, when drops may have been
missed, is never read. Without Valkey everything comes from the database.
"""

import hashlib
import secrets
import threading
import time
from typing import Any
from uuid import UUID

import msgspec
import redis
import structlog
from django.conf import settings
from django.db.models.signals import post_delete, post_save
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.db import before_commit, in_transaction, on_commit
from orders.models import Checkout, CheckoutLeg, Order, OrderLine
from orders.reading import read_any

LEASE_S = 20
MARK_S = 180
"""Longer than any transaction may last."""
REST_S = 1.0
"""So long a process that found Valkey away reads the database without asking again."""
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
_UNMARK = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""


class Found(msgspec.Struct, array_like=True):
    """An order as the API shows it: `body` is its JSON."""

    customer_id: UUID
    version: int
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Found).decode
COPY, LEASE, MARK = b"=", b"?", b"!"


def find_order(order_id: UUID, *, viewer_id: UUID, is_staff: bool) -> Found | None:
    """One order, if this caller may see it; whose it is, is asked of every copy again."""
    found = _find(order_id)
    return found if found is not None and (is_staff or found.customer_id == viewer_id) else None


def _find(order_id: UUID) -> Found | None:
    if settings.ORDER_CACHE_SECONDS == 0 or in_transaction("orders"):
        return _read(order_id)
    held = _take(order_id)
    if held is not None and held.startswith(COPY):
        return _decode(held[1:])
    found = _read(order_id)
    if held is not None and held.startswith(LEASE) and found is not None:
        _offer(order_id, held, found)
    return found


def _read(order_id: UUID) -> Found | None:
    order = read_any(order_id)
    return None if order is None else Found(order.customer_id, order.version, msgspec.json.encode(order))


def _take(order_id: UUID) -> bytes | None:
    """The copy, or a lease of our own; None when there is a write or another reader, or no Valkey."""
    if time.monotonic() < _line.rests_until:
        return None
    lease = LEASE + secrets.token_bytes(12)
    try:
        held: bytes = _line.run(_TAKE, order_id, lease, LEASE_S)
    except redis.RedisError as error:
        _line.rest(error)
        return None
    return held if held.startswith(COPY) or held == lease else None


def _offer(order_id: UUID, lease: bytes, found: Found) -> None:
    try:
        _line.run(_FILL, order_id, lease, COPY + _encode(found), settings.ORDER_CACHE_SECONDS)
    except redis.RedisError as error:
        _line.rest(error)


# Writes --------------------------------------------------------------------------------------------------------------
def forget_order(order_id: UUID, *, is_new: bool = False) -> None:
    """Drop the order's copy with the transaction that changes it; needed by hand only for writes past `save()`."""
    if settings.ORDER_CACHE_SECONDS == 0 or not in_transaction("orders"):
        return
    drop = before_commit("orders", ("order-cache", order_id), _Drop(order_id))
    drop.is_new |= is_new


class _Drop:
    """Marks an order just before the commit, and takes the mark away after it."""

    def __init__(self, order_id: UUID) -> None:
        self.order_id, self.is_new = order_id, False
        self.mark = MARK + secrets.token_bytes(12)

    def __call__(self) -> None:
        if self.is_new:
            return
        try:
            _line.run("SET", self.order_id, self.mark, MARK_S)
        except redis.RedisError as error:
            log.warning("order_mark_missed", order_id=str(self.order_id), error=repr(error))
        on_commit("orders", self._unmark)

    def _unmark(self) -> None:
        try:
            _line.run(_UNMARK, self.order_id, self.mark)
        except redis.RedisError as error:
            log.warning("order_drop_missed", order_id=str(self.order_id), error=repr(error))


def connect_signals() -> None:
    """Watch every table that an order is read from."""
    for model in (Order, OrderLine, Checkout, CheckoutLeg):
        post_save.connect(_forget, sender=model, dispatch_uid=f"order-cache-save-{model.__name__}")
        post_delete.connect(_forget, sender=model, dispatch_uid=f"order-cache-delete-{model.__name__}")


def _forget(sender: Any, instance: Any, created: bool = False, **_: Any) -> None:
    if isinstance(instance, Order):
        forget_order(instance.pk, is_new=created)
    elif isinstance(instance, CheckoutLeg):
        forget_order(instance.checkout_id)
    else:
        forget_order(instance.order_id)


# The line to Valkey ---------------------------------------------------------------------------------------------------
class _Line(threading.local):
    """This thread's connection. Every key names the life of the server it was made for."""

    def __init__(self) -> None:
        self.connection: Any = None
        self.life = ""
        self.rests_until = 0.0

    def rest(self, error: Exception) -> None:
        """Leave Valkey alone for a moment."""
        log.warning("order_cache_away", error=repr(error))
        self.rests_until = time.monotonic() + REST_S

    def run(self, script: str, order_id: UUID, *arguments: Any) -> Any:
        """Run a script, or SET with an expiry, on the key of an order; once more if the connection was cut."""
        for is_last_try in (False, True):
            try:
                self._connect()
                return self._run(script, f"{settings.REDIS_PREFIX}:order:{self.life}:{order_id}", arguments)
            except redis.RedisError:
                self._hang_up()
                if is_last_try:
                    raise
        raise redis.RedisError("unreachable")

    def _connect(self) -> None:
        if self.connection is None:
            connection: Any = _pool().make_connection()
            connection.connect()
            connection.send_command("INFO", "server")
            told: bytes = connection.read_response()
            self.life = told.split(b"run_id:")[1].split(b"\r\n")[0][:16].decode()
            self.connection = connection

    def _hang_up(self) -> None:
        if self.connection is not None:
            self.connection.disconnect()
            self.connection = None

    def _run(self, script: str, key: str, arguments: tuple[Any, ...]) -> Any:
        if script == "SET":
            return self._call("SET", key, arguments[0], "EX", arguments[1])
        try:
            return self._call("EVALSHA", _sha(script), 1, key, *arguments)
        except redis.exceptions.NoScriptError:
            self._call("SCRIPT", "LOAD", script)
            return self._call("EVALSHA", _sha(script), 1, key, *arguments)

    def _call(self, *command: Any) -> Any:
        self.connection.send_command(*command)
        return self.connection.read_response()


_line = _Line()
_pools: dict[str, redis.ConnectionPool] = {}
_SHAS = {script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest() for script in (_TAKE, _FILL, _UNMARK)}


def _sha(script: str) -> str:
    return _SHAS[script]


def _pool() -> redis.ConnectionPool:
    """Connections to the cache's database that give up soon: the real one is not far."""
    url = settings.REDIS.url(1)
    if url not in _pools:
        _pools[url] = redis.ConnectionPool.from_url(
            url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0)
        )
    return _pools[url]
