"""Serve as ENGINE: connections that go through their database's breaker and notice when the server hung up."""

import select
import time
from datetime import UTC, datetime, tzinfo
from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper
from psycopg.abc import Buffer
from psycopg.types.datetime import TimestamptzLoader

from core.postgres.breakers import get_breaker
from core.running.statements import count_slow

_HANG_UP = getattr(select, "POLLRDHUP", select.POLLHUP)  # macOS reports the other one
_read = datetime.fromisoformat


class MomentLoader(TimestamptzLoader):
    """Read the moments that Python has by its own parser; all else, such as `infinity`, is psycopg's to refuse.

    psycopg has a regular expression for them where Django sets the time zone: eight times slower.
    """

    timezone: tzinfo = UTC
    """What Django asks of a connection's loader, before it puts its own in front."""

    def load(self, data: Buffer) -> datetime:
        """Return the moment in UTC. Raises DataError."""
        try:
            return _read(str(data, "ascii")).astimezone(UTC)
        except (ValueError, OverflowError):
            return super().load(data)


class TimedCursor(CursorWrapper):
    """Django's own, and: a statement that took long is told of."""

    def _execute(self, sql: Any, params: Any, *ignored: Any) -> Any:
        started = time.perf_counter()
        try:
            return super()._execute(sql, params, *ignored)  # type: ignore[misc]
        finally:
            took_s = time.perf_counter() - started
            if took_s > settings.SLOW_STATEMENT_S:
                count_slow(self.db.alias, sql, took_s)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, and: nobody waits for a database known to be away; a connection that was cut is replaced in time.

    After a restart of PostgreSQL every kept connection is dead. The socket knows; asking it costs a microsecond, and
    spares each thread the request that would otherwise have found out.
    """

    _socket: "select.poll | None" = None
    is_replica = False
    """No transaction begins here: there is nothing to write, and what is read may be old."""

    @property
    def queries_logged(self) -> bool:
        """Keep statements for whoever asked for them alone.

        In debug Django keeps the last 9,000 of each connection until a request ends, and in a relay, a worker or a
        clock no request ever does: a relay grew by ten megabytes a minute.
        """
        return bool(self.force_debug_cursor)

    def connect(self) -> None:
        """Connect, or raise DatabaseAway at once while the breaker is open."""
        if self.alias == NO_DB_ALIAS:
            super().connect()
            return
        breaker = get_breaker(f"{self.alias}-replica" if self.is_replica else self.alias)
        breaker.check()
        self._socket = None
        try:
            super().connect()
        except psycopg.OperationalError as error:
            breaker.fail(self.get_connection_params(), error)
            raise
        breaker.succeed()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Read what moments there are quickly, where they are in UTC as everywhere here."""
        connection = super().get_new_connection(conn_params)
        if self.timezone == UTC:
            connection.adapters.register_loader("timestamptz", MomentLoader)
        return connection

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        """Watch the statements of ordinary cursors; those of debug cursors are told to whoever asked for them."""
        return TimedCursor(cursor, self)

    def init_connection_state(self) -> None:
        """Start to watch the new connection's socket."""
        super().init_connection_state()
        self._socket = select.poll()
        self._socket.register(self.connection.pgconn.socket, _HANG_UP)

    def ensure_connection(self) -> None:
        """Replace a connection that the server closed, unless a transaction was open on it."""
        self._drop_if_cut()
        super().ensure_connection()

    def close_if_unusable_or_obsolete(self) -> None:
        """Tidy up between requests without connecting anew: the database may be away, and not be needed."""
        self._drop_if_cut()
        super().close_if_unusable_or_obsolete()

    def _drop_if_cut(self) -> None:
        if self.connection is None or self.in_atomic_block or not self.autocommit or self._socket is None:
            return
        if self.connection.closed or self._socket.poll(0):
            self.close()
