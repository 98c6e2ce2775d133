"""The only door to database transactions: every one names its alias.

`default` is empty on purpose: a bare `atomic()` or `on_commit()` would guard a database the code never meant.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar, cast

import psycopg
from django.db import OperationalError, connections
from django.db import transaction as django_transaction

_HOOKS = "autosalon_before_commit"
H = TypeVar("H", bound=Callable[[], None])


class OutsideTransaction(RuntimeError):
    """Work that must commit together with a state change was attempted outside `transaction(alias)`."""


class InsideTransaction(RuntimeError):
    """A call to the outside world was attempted while a transaction holds locks."""


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
    hooks: dict[Any, Callable[[], None]] = {}
    setattr(connection, _HOOKS, hooks)
    try:
        with django_transaction.atomic(using=alias):
            yield
            _run(hooks)
    finally:
        setattr(connection, _HOOKS, None)


def registered(alias: str, key: Any) -> Any:
    """Return what `before_commit` registered under `key` in the open transaction on `alias`, or None."""
    return (getattr(connections[alias], _HOOKS, None) or {}).get(key)


def _run(hooks: dict[Any, Callable[[], None]]) -> None:
    while hooks:
        hooks.pop(next(iter(hooks)))()


def database_now(alias: str) -> datetime:
    """The moment by a database's clock: the one clock that all who set and judge a deadline share."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    return cast(datetime, now)


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


def fetch(alias: str, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
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


def _fetch(connection: Any, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    connection.ensure_connection()
    with connection.wrap_database_errors:
        rows: list[tuple[Any, ...]] = psycopg.Cursor(connection.connection).execute(sql, parameters).fetchall()
    return rows
