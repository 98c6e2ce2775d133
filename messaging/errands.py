"""Errands: outside work that an app keeps in tables of its own, because its pace and order are the app's business.

A single call to a provider is a row of `messaging.calls`. An errand is a queue with rules. Messaging wakes whoever
works on it, at once by a wake-up and, should that be lost, by the sweep; and it lets one worker at a time do so, so
that slow receivers never take all workers away from the calls to banks and insurers.
"""

from abc import ABC, abstractmethod

from core.db import refuse_inside_transaction
from messaging import wakeups
from messaging.places import take_place

ALONE = (-1,)
"""The only place at an errand."""


class Errand(ABC):
    """One queue of outside work. `name` is `<app>.<verb>`: the app's database holds its rows and its lock."""

    name: str

    @abstractmethod
    def is_due(self) -> bool:
        """Tell whether there is anything to do now."""

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
    with take_place(name.partition(".")[0], name, ALONE) as is_mine:
        return is_mine and _errands[name].run()


def wake_due(alias: str) -> int:
    """Wake a worker for every errand that has something to do; return how many there are."""
    names = due_errands(alias)
    for queue in wakeups.queues_outside(alias, len(names)):
        for name in names:
            wakeups.send_errand(name, queue)
    return len(names)
