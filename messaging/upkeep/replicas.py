"""Reads of a few heavy pages from a replica of an app's database, where the settings name one.

    @reading_from_replica("orders")
    def read_rows(...) -> list[Row]: ...

While the function runs, the alias leads this thread to the replica, by every way of asking. It is called again on the
primary where the replica fails meanwhile; so it changes nothing, and returns what is read already. The primary is asked
from the beginning in a transaction, outside of pages, by whoever wrote a moment ago, and while the replica is behind.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar, cast

import psycopg
import structlog
from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connections
from django.db.utils import ConnectionHandler

from core.db import in_transaction, wrote
from core.postgres.base import DatabaseWrapper

CHECK_S = 1.0
"""How long what was found of a replica's lag is believed, by the whole process."""
_LAG = "SELECT extract(epoch FROM clock_timestamp() - max(beat_at)) FROM messaging_heartbeat WHERE role = 'sweep'"
P = ParamSpec("P")
T = TypeVar("T")
log = structlog.get_logger(__name__)
_found: dict[str, tuple[float, bool]] = {}


def fresh_for_s() -> int:
    """Return for how many seconds whoever wrote reads from the primary: longer than a replica may be behind."""
    return settings.REPLICA_LAG_S + round(2 * CHECK_S) + 1


def reading_from_replica(alias: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a function that only reads `alias` read from its replica where that is right, else from the primary."""

    def decorate(read: Callable[P, T]) -> Callable[P, T]:
        @wraps(read)
        def act(*args: P.args, **options: P.kwargs) -> T:
            replica = _usable(alias)
            if replica is None:
                return read(*args, **options)
            try:
                with _swapped(alias, replica):
                    return read(*args, **options)
            except (OperationalError, InterfaceError) as error:
                if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                    raise  # it took too long, and would there
                log.warning("replica_failed", database=alias, error=repr(error))
                return read(*args, **options)

        return act

    return decorate


def read_lag(alias: str) -> float | None:
    """Return how many seconds a replica is behind, by the relay's last beat there; None where it has none.

    Raises OperationalError while the replica is away.
    """
    with _connection(alias).cursor() as cursor:
        cursor.execute(_LAG)
        (lag,) = cursor.fetchone()
    return None if lag is None else float(lag)


def forget() -> None:
    """Have every replica looked for in the settings, and asked, again."""
    _found.clear()
    _handler.cache_clear()


def _usable(alias: str) -> DatabaseWrapper | None:
    written = wrote.get()
    if alias not in settings.REPLICAS or written is None or alias in written:
        return None
    if in_transaction(alias) or connections[alias].in_atomic_block:
        return None
    asked_at, is_fresh = _found.get(alias, (0.0, False))
    if time.monotonic() - asked_at > CHECK_S:
        is_fresh = _is_fresh(alias)
        _found[alias] = time.monotonic(), is_fresh
    return _connection(alias) if is_fresh else None


def _is_fresh(alias: str) -> bool:
    try:
        lag = read_lag(alias)
    except Error as error:
        log.warning("replica_away", database=alias, error=repr(error))
        return False
    return lag is not None and lag <= settings.REPLICA_LAG_S


def _connection(alias: str) -> DatabaseWrapper:
    """Return this thread's connection to a replica, which has a breaker of its own."""
    connection = cast(DatabaseWrapper, _handler(*settings.REPLICAS)[alias])
    connection.is_replica = True
    return connection


@lru_cache(maxsize=1)
def _handler(*apps: str) -> ConnectionHandler:
    return ConnectionHandler({"default": {}} | {app: settings.REPLICAS[app] for app in apps})


@contextmanager
def _swapped(alias: str, replica: DatabaseWrapper) -> Iterator[None]:
    replica.close_if_unusable_or_obsolete()
    primary = connections[alias]
    connections[alias] = replica
    try:
        yield
    finally:
        connections[alias] = primary
