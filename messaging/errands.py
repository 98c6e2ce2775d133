"""Errands: outside work that an app keeps in tables of its own, because its pace and order are the app's business.

A single call to a provider is a row of `messaging.calls`. An errand is a queue with rules. Messaging wakes whoever
works on it, at once by a nudge and, should that be lost, by the sweep; and it lets one worker at a time do so, so
that slow receivers never take all workers away from the calls to banks and insurers.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from core.db import refuse_inside_transaction
from messaging import nudges

IDLE_LIMIT = "60s"
"""An errand asks its database something every moment: a session that is silent for so long belongs to a frozen
worker, and ends so that another may take over."""


class Errand(ABC):
    """One queue of outside work. `name` is `<app>.<verb>`: the app's database holds its rows and its lock."""

    name: str

    @abstractmethod
    def is_due(self) -> bool:
        """Whether there is anything to do now."""

    @abstractmethod
    def run(self) -> bool:
        """Do it for a minute at most; return whether there was anything. May begin again where it died."""


_errands: dict[str, Errand] = {}


def errand(cls: type[Errand]) -> type[Errand]:
    """Register an errand class."""
    _errands[cls.name] = cls()
    return cls


def due_errands(alias: str) -> list[str]:
    """Names of an app's errands that have something to do."""
    return [name for name, item in _errands.items() if name.partition(".")[0] == alias and item.is_due()]


def run_errand(name: str) -> bool:
    """Do what waits, unless another worker is at it; return whether anything was done."""
    refuse_inside_transaction()
    with _alone(name.partition(".")[0], name) as is_mine:
        return is_mine and _errands[name].run()


def wake_due(alias: str) -> int:
    """Wake a worker for every errand that has something to do; return how many there are."""
    names = due_errands(alias)
    for queue in nudges.queues_outside(alias, len(names)):
        for name in names:
            nudges.send_errand(name, queue)
    return len(names)


@contextmanager
def _alone(alias: str, name: str) -> Iterator[bool]:
    """Hold a session lock that dies with its connection."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s), -1)", [name])
        (is_mine,) = cursor.fetchone()
        if is_mine:
            cursor.execute(f"SET idle_session_timeout = '{IDLE_LIMIT}'")
    try:
        yield is_mine
    finally:
        if is_mine and connections[alias].is_usable():
            with connections[alias].cursor() as cursor:
                cursor.execute("RESET idle_session_timeout")
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s), -1)", [name])
