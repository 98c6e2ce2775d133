"""Wake-ups through a real broker: said again by the sweep only while workers do not have as many to look at."""

import pytest
from celery import current_app
from django.db import connections

from core.ids import uuid7
from messaging import tasks
from messaging.delivery import sweep, wakeups

pytestmark = pytest.mark.django_db(databases=["orders"])
SHARDS_DUE = 5


@pytest.fixture
def queue(monkeypatch) -> str:
    """A queue of the test's own in the broker, which takes what is said to orders."""
    name = f"q.test-{uuid7().hex}"
    for module in (wakeups, sweep):
        monkeypatch.setattr(module, "get_queue_name", lambda alias: name)
    monkeypatch.setattr(wakeups, "_is_muted", False)
    yield name
    with current_app.pool.acquire(block=True) as connection:
        connection.default_channel.queue_delete(name)


@pytest.fixture
def shards():
    """Deliveries that wait, each in a shard of its own."""
    with connections["orders"].cursor() as cursor:
        for shard in range(SHARDS_DUE):
            cursor.execute(
                """INSERT INTO messaging_inbox (event_id, source, aggregate, aggregate_id, seq, version, type, data,
                       headers, handler, lane, shard, status, attempts, next_at, last_error)
                   VALUES (%s, 'orders', 'order', %s, 1, 1, 'order.paid', '{}', '{}', 'orders.test', 'x', %s, 0, 0,
                       statement_timestamp() - interval '1 minute', '')""",
                [uuid7(), str(uuid7()), shard],
            )


def test_a_sweep_says_no_more_than_workers_can_hear(queue, shards, monkeypatch):
    monkeypatch.setattr(wakeups.random, "random", lambda: 0.99)
    assert wakeups.waiting(queue) == 0
    for _ in range(60):
        sweep.sweep("orders")
    assert wakeups.waiting(queue) == SHARDS_DUE


def test_a_full_queue_is_spoken_to_now_and_then(queue, shards, monkeypatch):
    monkeypatch.setattr(wakeups.random, "random", lambda: 0.0)
    for _ in range(3):
        sweep.sweep("orders")
    assert wakeups.waiting(queue) == 3 * SHARDS_DUE


def test_outside_work_that_nobody_takes_is_told_to_the_release_before(monkeypatch):
    lying = {"q.external.orders": 0, "q.external": 0}
    monkeypatch.setattr(wakeups, "waiting", lying.get)
    monkeypatch.setattr(wakeups.random, "random", lambda: 0.99)
    assert wakeups.queues_outside("orders", 0) == []
    assert wakeups.queues_outside("orders", 2) == ["q.external.orders"]
    lying["q.external.orders"] = 2
    assert wakeups.queues_outside("orders", 2) == ["q.external"]
    lying["q.external"] = 2
    assert wakeups.queues_outside("orders", 2) == []


def test_a_broker_that_is_away_counts_as_quiet(monkeypatch):
    def gone(*args, **more):
        raise ConnectionError

    monkeypatch.setattr(type(current_app.pool), "acquire", gone)
    assert wakeups.waiting("q.orders") == 0


@pytest.mark.parametrize(
    ("task", "arguments"), [(tasks.run_call, ("elsewhere", "a-key")), (tasks.run_work_queue, ("elsewhere.send",))]
)
def test_outside_work_of_a_database_that_is_elsewhere_goes_to_its_owner(task, arguments, monkeypatch):
    sent = []
    monkeypatch.setattr(wakeups, "_send", lambda *message: sent.append(message))
    task(*arguments)
    assert sent == [(task.name, arguments, "q.external.elsewhere")]
