"""A worker's child that has nothing to do keeps no sessions: a server holds some megabytes for each of them."""

import threading
import time
from typing import Any

from django.db import connections

IDLE_S = 8.0
LOOK_S = 4.0


class Idleness:
    """Since when the child's only thread for tasks has had none, and the sessions that it has left open."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._since_s: float | None = None
        self._open: list[Any] = []

    def begin(self) -> None:
        """Note that there is nothing to do; to be called by the thread whose sessions they are."""
        with self._turn:
            self._since_s, self._open = time.monotonic(), [*connections.all(initialized_only=True)]

    def end(self) -> None:
        """Note that there is something to do."""
        with self._turn:
            self._since_s = None

    def close_sessions(self) -> None:
        """Close what has been open for nothing for so long; the next task waits for that, and opens what it needs."""
        with self._turn:
            if self._since_s is None or time.monotonic() - self._since_s < IDLE_S:
                return
            for connection in self._open:
                if connection.connection is not None:
                    connection.connection.close()
            self._open = []

    def watch(self) -> None:
        """Look for ever, by a thread of our own; to be called in a child, for threads are not inherited."""
        threading.Thread(target=self._look_for_ever, name="idle-sessions", daemon=True).start()

    def _look_for_ever(self) -> None:
        while True:
            time.sleep(LOOK_S)
            self.close_sessions()
