"""Serve as ENGINE: connections that go through their database's breaker and notice when the server hung up."""

import select
from datetime import UTC
from typing import Any

import psycopg
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base

from core.postgres.breakers import breaker_of
from core.postgres.moments import read_quickly

_HANG_UP = getattr(select, "POLLRDHUP", select.POLLHUP)  # macOS reports the other one


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, and: nobody waits for a database known to be away; a connection that was cut is replaced in time.

    After a restart of PostgreSQL every kept connection is dead. The socket knows; asking it costs a microsecond, and
    spares each thread the request that would otherwise have found out.
    """

    _socket: "select.poll | None" = None

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
        breaker = breaker_of(self.alias)
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
            read_quickly(connection)
        return connection

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
