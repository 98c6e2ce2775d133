"""Connections to Valkey that a thread keeps for itself, outside of any pool's count, and the scripts it runs there.

redis-py's pool counts every connection that it makes until somebody gives it back. One that never connected, or whose
thread ended, is never given back: after a hundred of them the pool makes no more, for as long as the process lives.
"""

import hashlib
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import redis

T = TypeVar("T")


def own_connection(pool: redis.ConnectionPool) -> Any:
    """Make a connection as `pool` would, which belongs to the caller alone; it connects at its first use."""
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
