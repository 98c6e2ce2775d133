"""The only door to database transactions and to locks by name: every one names its alias.

`default` is empty on purpose: a bare `atomic()` or `on_commit()` would guard a database the code never meant.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from typing import Any, TypeVar, cast

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from django.db import transaction as django_transaction

from core.errors import StaleVersion
from core.running.statements import count_slow

_HOOKS = "autosalon_before_commit"
_MOMENT = "autosalon_moment"
wrote: ContextVar[set[str] | None] = ContextVar("wrote", default=None)
"""Databases that this request has opened a transaction on, or its caller a moment ago; None outside of pages."""
H = TypeVar("H", bound=Callable[[], None])


class OutsideTransaction(RuntimeError):
    """Work that must commit together with a state change was attempted outside `transaction(alias)`."""


class InsideTransaction(RuntimeError):
    """A call to the outside world was attempted while a transaction holds locks."""


class OnReplica(RuntimeError):
    """A transaction was to begin while its database's replica is read: that takes no writes, and may be behind."""


class NeedsSession(RuntimeError):
    """A process that is given a pooler's addresses was to do what needs a session."""


class LeavesRecord(ABC):
    """Mixed into an exception: what it undoes is undone, and a record of the attempt stays on `alias`."""

    alias: str

    @abstractmethod
    def leave(self) -> None:
        """Write the record, in a transaction of its own."""


@contextmanager
def transaction(alias: str) -> Iterator[None]:
    """Open a transaction on `alias`, or join the one already open there.

    Joining makes no savepoint: an error inside the inner block dooms the whole transaction, so a caller can
    never commit half of what a service meant to do. An error that `LeavesRecord` writes it once all is rolled back.
    """
    connection = connections[alias]
    if getattr(connection, _HOOKS, None) is not None:
        with django_transaction.atomic(using=alias, savepoint=False):
            yield
        return
    try:
        with _outermost(connection, alias):
            yield
    except Exception as error:
        if isinstance(error, LeavesRecord) and error.alias == alias:
            with _outermost(connection, alias):
                error.leave()
        raise


@contextmanager
def _outermost(connection: Any, alias: str) -> Iterator[None]:
    if getattr(connection, "is_replica", False):
        raise OnReplica(f"what reads from the replica of {alias!r} was to write")
    if (written := wrote.get()) is not None:
        written.add(alias)
    hooks: dict[Any, Callable[[], None]] = {}
    setattr(connection, _HOOKS, hooks)
    try:
        with django_transaction.atomic(using=alias):
            yield
            _run(hooks)
            _end(connection)  # what runs after the commit holds no lock, and may open a transaction of its own
    finally:
        _end(connection)


def _end(connection: Any) -> None:
    setattr(connection, _HOOKS, None)
    setattr(connection, _MOMENT, None)


def registered(alias: str, key: Any) -> Any:
    """Return what `before_commit` registered under `key` in the open transaction on `alias`, or None."""
    return (getattr(connections[alias], _HOOKS, None) or {}).get(key)


def _run(hooks: dict[Any, Callable[[], None]]) -> None:
    while hooks:
        hooks.pop(next(iter(hooks)))()


Expected = frozenset[int] | None
"""Versions one of which a row must have once it is locked, as its caller has read it; None lets any through."""


def require_version(version: int, expected: Expected) -> None:
    """Raise StaleVersion where a locked row has none of the expected versions."""
    if expected is not None and version not in expected:
        raise StaleVersion(current=f'"{version}"')


def database_now(alias: str) -> datetime:
    """Return the moment by a database's clock: the one clock that all who set and judge a deadline share.

    In a transaction whose first statement has told it, it is that moment.
    """
    known: datetime | None = getattr(connections[alias], _MOMENT, None)
    if known is not None:
        return known
    ((now,),) = fetch(alias, "SELECT clock_timestamp()", ())
    return cast(datetime, now)


def know_moment(alias: str, moment: datetime) -> None:
    """Keep what the open transaction's first statement said of the database's clock, so that nobody asks again.

    Raises OutsideTransaction: it would be known for ever.
    """
    if not in_transaction(alias):
        raise OutsideTransaction(f"no transaction is open on {alias!r} to end the moment with")
    setattr(connections[alias], _MOMENT, moment)


def in_transaction(alias: str) -> bool:
    """Tell whether `transaction(alias)` is open in this thread."""
    return alias in connections and getattr(connections[alias], _HOOKS, None) is not None


def before_commit(alias: str, key: Any, hook: H) -> H:
    """Run `hook` once, last thing inside the open transaction on `alias`; return the one registered under `key`."""
    if not in_transaction(alias):
        raise OutsideTransaction(f"no transaction is open on {alias!r}: use core.db.transaction({alias!r})")
    registered: H = getattr(connections[alias], _HOOKS).setdefault(key, hook)
    return registered


def on_commit(alias: str, hook: Callable[[], None]) -> None:
    """Run `hook` after the transaction on `alias` commits; an error in it is logged and changes nothing."""
    django_transaction.on_commit(hook, using=alias, robust=True)


def is_any_open() -> bool:
    """Tell whether this thread has a transaction open on any database."""
    return bool(_open())


def refuse_inside_transaction() -> None:
    """Raise InsideTransaction if this thread has any transaction open: slow strangers never hold our locks."""
    for alias in _open():
        raise InsideTransaction(f"a call to the outside world inside a transaction on {alias!r}")


def _open() -> list[str]:
    found = connections.all(initialized_only=True)
    return [connection.alias for connection in found if getattr(connection, _HOOKS, None) is not None]


def fetch(alias: str, sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run one statement past Django's cursor: bound by the server and prepared after a few uses.

    For hot paths only. It joins whatever transaction is open on `alias`; outside one, a connection that the server
    has dropped meanwhile is replaced once.
    """
    connection = connections[alias]
    try:
        return _fetch(connection, sql, parameters)
    except OperationalError:
        if connection.in_atomic_block or connection.connection is None or not connection.connection.closed:
            raise
        connection.close()
        return _fetch(connection, sql, parameters)


def _fetch(connection: Any, sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    connection.ensure_connection()
    started = time.perf_counter()
    with connection.wrap_database_errors:
        cursor = psycopg.Cursor(connection.connection).execute(sql, parameters)
        made = cursor.pgresult
        rows: list[tuple[Any, ...]] = cursor.fetchall() if made is not None and made.nfields else []
    took_s = time.perf_counter() - started
    if took_s > settings.SLOW_STATEMENT_S:
        count_slow(connection.alias, sql, took_s)
    return rows


# Locks by name --------------------------------------------------------------------------------------------------------
# The number under which a name is locked never changes: processes of two releases run side by side, and meet there.
WIDE = "hashtextextended(name, 0)"
NARROW = "hashtext(name)"
"""Number of the names that were there first."""
PLACE = "hashtext(name), place"
SEEDED = "hashtextextended(name, place)"


def lock(alias: str, *names: str, number: str = WIDE, shared: bool = False) -> None:
    """Wait for the locks of these names, in one order whoever asks, and hold them until the open transaction ends.

    Those who hold a lock `shared` do so together; all others have it alone.
    """
    function = f"pg_advisory_xact_lock{'_shared' if shared else ''}"
    fetch(alias, f"SELECT {function}({number}) FROM unnest(%s::text[]) AS name", [sorted(set(names))])


def try_lock(connection: Any, name: str, *, number: str = WIDE) -> bool:
    """Hold the lock of a name until the connection's transaction ends, unless somebody else has it."""
    return _ask(connection, f"SELECT pg_try_advisory_xact_lock({number}) FROM (VALUES (%s::text)) AS one (name)", name)


def require_session(who: str) -> None:
    """Refuse what holds on to a session, where a pooler lends one from transaction to transaction.

    Raises NeedsSession: a lock taken there would stay with whoever is lent the session next, and a bell ring for them.
    """
    if settings.DATABASE_POOLER:
        raise NeedsSession(
            f"{who} needs sessions of its own: give it the databases' own addresses, without AUTOSALON_DATABASE_POOLER"
        )


def limit_session(cursor: Any, milliseconds: float) -> None:
    """Limit the statements of a session of our own: behind a pooler whoever is lent it next would have the limit."""
    if not settings.DATABASE_POOLER:
        cursor.execute("SET statement_timeout = %s", [milliseconds])


def try_session_lock(connection: Any, number: int) -> bool:
    """Hold the lock of a number until the connection closes, unless somebody else has it. Raises NeedsSession."""
    require_session("a lock")
    return _ask(connection, "SELECT pg_try_advisory_lock(%s)", number)


def _ask(connection: Any, sql: str, value: object) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, [value])
        return bool(cursor.fetchone()[0])


@contextmanager
def session_lock(
    alias: str, name: str, places: Sequence[int], *, number: str = PLACE, idle_limit: str = ""
) -> Iterator[bool]:
    """Hold one of the `places` at what `name` says, if any is free; yields whether one was.

    It dies with the connection. A holder who asks the database nothing for `idle_limit` ("60s") loses its session.
    """
    wanted = "SELECT %(name)s::text AS name, place FROM unnest(%(places)s::integer[]) AS place"
    values = {"name": name, "places": list(places)}
    with session_locks(alias, wanted, values, most=1, number=number, idle_limit=idle_limit) as held:
        yield bool(held)


@contextmanager
def session_locks(
    alias: str, wanted: str, values: Mapping[str, Any], *, most: int, number: str = PLACE, idle_limit: str = ""
) -> Iterator[list[tuple[str, int]]]:
    """Hold the first free ones of the locks that the query `wanted` lists, by `name` and `place`; yields which.

    Raises NeedsSession.
    """
    require_session("a lock")
    limited = ", set_config('idle_session_timeout', %(limit)s, false)" if idle_limit else ""
    free = f"SELECT name, place{limited} FROM wanted WHERE pg_try_advisory_lock({number}) LIMIT %(most)s"
    sql = f"WITH wanted AS MATERIALIZED ({wanted}) {free}"
    held = [(row[0], row[1]) for row in fetch(alias, sql, {**values, "limit": idle_limit, "most": most})]
    try:
        yield held
    except BaseException:
        if held and connections[alias].is_usable():
            _free(alias, held, number, is_limited=bool(idle_limit))
        raise
    if held and connections[alias].connection is not None:
        with suppress(OperationalError, InterfaceError):  # it was cut off, and the locks with it
            _free(alias, held, number, is_limited=bool(idle_limit))


def _free(alias: str, held: list[tuple[str, int]], number: str, *, is_limited: bool) -> None:
    names, places = zip(*held, strict=True)
    if is_limited:
        fetch(alias, "RESET idle_session_timeout", ())
    freed = f"SELECT pg_advisory_unlock({number}) FROM unnest(%s::text[], %s::integer[]) AS held (name, place)"
    fetch(alias, freed, [list(names), list(places)])
