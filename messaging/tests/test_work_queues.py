"""Work queues: woken by message and sweep, done by one worker at a time."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connections

from core.db import InsideTransaction, transaction
from messaging.delivery import places, sweep, wakeups, work_queues
from messaging.delivery.work_queues import WorkQueue, run_work_queue, work_queue
from messaging.testing import drain_outbox

NAME = "orders.test_work_queue"
pytestmark = pytest.mark.django_db(databases=["orders"])


class Queue(WorkQueue):
    """Work that is counted, and may be made to take its time."""

    name = NAME

    def __init__(self) -> None:
        self.todo, self.done = 0, 0
        self.started, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def is_due(self) -> bool:
        return self.todo > 0

    def run(self) -> bool:
        self.started.set()
        self.go_on.wait(10)
        count, self.todo = self.todo, 0
        self.done += count
        return count > 0


@pytest.fixture
def queue() -> Iterator[Queue]:
    work_queue(Queue)
    item = work_queues._work_queues[NAME]
    assert isinstance(item, Queue)
    yield item
    del work_queues._work_queues[NAME]


@pytest.fixture
def woken(monkeypatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(wakeups, "wake_work_queue", lambda name, queue: names.append(name))
    return names


@pytest.mark.django_db(databases=["orders", "catalog"])
def test_the_sweep_wakes_what_is_due(queue, woken):
    assert (sweep.sweep("orders"), woken) == (0, [])
    queue.todo = 3
    assert (sweep.sweep("orders"), woken) == (1, [NAME])
    assert work_queues.wake_due("catalog") == 0


def test_tests_do_it_themselves(queue):
    queue.todo = 3
    assert drain_outbox("orders") == 1
    assert queue.done == 3


def test_nothing_is_done_inside_a_transaction(queue):
    with pytest.raises(InsideTransaction), transaction("orders"):
        run_work_queue(NAME)
    assert not queue.started.is_set()


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_one_worker_at_a_time(queue):
    queue.todo = 3
    queue.go_on.clear()

    def work():
        run_work_queue(NAME)
        connections.close_all()

    first = threading.Thread(target=work)
    first.start()
    assert queue.started.wait(10)
    assert run_work_queue(NAME) is False
    queue.go_on.set()
    first.join()
    assert queue.done == 3
    queue.todo = 1
    assert run_work_queue(NAME) is True


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_a_frozen_worker_loses_its_session_and_nobody_else_does(queue, monkeypatch):
    monkeypatch.setattr(places, "IDLE_LIMIT", "100ms")
    queue.todo = 3
    queue.go_on.clear()

    def freeze():
        run_work_queue(NAME)
        connections.close_all()

    frozen = threading.Thread(target=freeze)
    frozen.start()
    assert queue.started.wait(10)
    taken = threading.Event()
    for _ in range(100):
        with places.take_place("orders", NAME, work_queues.ALONE) as is_mine:
            if is_mine:
                taken.set()
                break
        taken.wait(0.05)
    queue.go_on.set()
    frozen.join()
    assert taken.is_set()
    with connections["orders"].cursor() as cursor:
        cursor.execute("SHOW idle_session_timeout")
        assert cursor.fetchone() == ("0",)
