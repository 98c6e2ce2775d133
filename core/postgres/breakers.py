"""One breaker per database in this process: a dead database is refused at once, and tried again in the background.

No request ever pays for a probe: a thread connects once a second until that works, then closes the breaker.
"""

import os
import threading
import time
from typing import Any

import psycopg
import structlog
from django.db import OperationalError

from core.outside.breakers import Breaker, Policy

POLICY = Policy(failures=3, cool_s=1.0, longest_s=1.0, probe_s=10.0)
log = structlog.get_logger(__name__)


class DatabaseAway(OperationalError):
    """The database did not answer lately: it is not asked again before the background has reached it."""


class DatabaseBreaker:
    """The breaker of one alias, shared by the threads of this process."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.breaker = Breaker()
        self._count = 0
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raise DatabaseAway unless closed."""
        if self.breaker.state != "closed":
            raise DatabaseAway(f"the database {self.alias!r} is away")

    def succeed(self) -> None:
        """A connection was made."""
        if self.breaker.failed:
            with self._lock:
                self.breaker = self.breaker.succeed()

    def fail(self, parameters: dict[str, Any], error: Exception) -> None:
        """A connection was refused; the last refusal that is borne starts the probes."""
        with self._lock:
            before = self.breaker.state
            self._count += 1
            self.breaker = self.breaker.fail(str(self._count), time.monotonic(), POLICY)
            if before != "closed" or self.breaker.state != "open":
                return
        log.error("database_breaker_opened", database=self.alias, error=type(error).__name__)
        threading.Thread(target=self._probe, args=(parameters,), name=f"probe-{self.alias}", daemon=True).start()

    def _probe(self, parameters: dict[str, Any]) -> None:
        while self.breaker.state != "closed":
            time.sleep(POLICY.cool_s)
            with self._lock:
                self.breaker, _ = self.breaker.ask(time.monotonic(), POLICY)
            try:
                psycopg.connect(**parameters).close()
            except psycopg.Error as error:
                with self._lock:
                    self.breaker = self.breaker.fail("probe", time.monotonic(), POLICY)
                log.info("database_still_away", database=self.alias, error=type(error).__name__)
            else:
                with self._lock:
                    self.breaker = self.breaker.succeed()
        log.warning("database_breaker_closed", database=self.alias)


_breakers: dict[str, DatabaseBreaker] = {}


def get_breaker(alias: str) -> DatabaseBreaker:
    """The breaker of a database in this process."""
    return _breakers.get(alias) or _breakers.setdefault(alias, DatabaseBreaker(alias))


os.register_at_fork(after_in_child=_breakers.clear)  # threads do not survive a fork: the child learns for itself
