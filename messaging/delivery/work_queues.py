"""Work queues: outside work that an app keeps in tables of its own, because its pace and order are the app's business.

A single call to a provider is a row of `delivery.calls`. A work queue is a queue with rules. Messaging wakes whoever
works on it, at once by a wake-up and, should that be lost, by the sweep; and it lets one worker at a time do so, so
that slow receivers never take all workers away from the calls to banks and insurers.
"""

from abc import ABC, abstractmethod

from core.db import refuse_inside_transaction
from messaging.delivery import wakeups
from messaging.delivery.places import take_place

ALONE = (-1,)
"""The only place at a work queue."""


class WorkQueue(ABC):
    """One queue of outside work. `name` is `<app>.<verb>`: the app's database holds its rows and its lock."""

    name: str

    @abstractmethod
    def is_due(self) -> bool:
        """Tell whether there is anything to do now."""

    @abstractmethod
    def run(self) -> bool:
        """Do it for a minute at most; return whether there was anything. May begin again where it died."""


_work_queues: dict[str, WorkQueue] = {}


def work_queue(cls: type[WorkQueue]) -> type[WorkQueue]:
    """Register a work queue."""
    _work_queues[cls.name] = cls()
    return cls


def due_work_queues(alias: str) -> list[str]:
    """List the names of an app's work queues that have something to do."""
    return [name for name, item in _work_queues.items() if name.partition(".")[0] == alias and item.is_due()]


def run_work_queue(name: str) -> bool:
    """Do what waits, unless another worker is at it; return whether anything was done."""
    refuse_inside_transaction()
    with take_place(name.partition(".")[0], name, ALONE) as is_mine:
        return is_mine and _work_queues[name].run()


def wake_due(alias: str) -> int:
    """Wake a worker for every work queue that has something to do; return how many there are."""
    names = due_work_queues(alias)
    for queue in wakeups.queues_outside(alias, len(names)):
        for name in names:
            wakeups.wake_work_queue(name, queue)
    return len(names)
