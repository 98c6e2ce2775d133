"""One wake-up has a worker dispatch all that is due in a database, some shards at a time; poison kills it alone."""

import pytest
from django.db import connections

from catalog.events import CategoryChanged
from core.db import session_lock
from core.ids import uuid7
from messaging.delivery import dispatcher
from messaging.models import SHARDS, InboxShard
from messaging.subscriptions import subscribe, subscriptions
from messaging.tests.test_delivery import Recorder, change, inbox, recorder  # noqa: F401  (a fixture)
from messaging.transport import relay

pytestmark = pytest.mark.django_db(databases=["catalog", "orders"])


def bring(*names: str) -> None:
    """Copy a change for each name, each in a shard of its own as long as there are some."""
    taken = set[int]()
    for name in names:
        shard, category = -1, uuid7()
        while shard in {-1, *(taken if len(taken) < SHARDS else ())}:
            category = uuid7()
            shard = subscriptions()[Recorder.name].shard(str(category))
        taken.add(shard)
        change(name, category)
    relay.sequence("catalog")
    relay.copy("catalog", "orders")


def get_shard(name: str) -> int:
    return inbox().get(data__name=name).shard


def mark(name: str, deaths: int = 0) -> None:
    """Leave a shard as a worker does that dies of one of its deliveries."""
    row = inbox().get(data__name=name)
    InboxShard.objects.using("orders").create(handler=Recorder.name, shard=row.shard, current_rn=row.rn, deaths=deaths)


def also(name: str, into: list[str], **options) -> None:
    def handle(heard):
        into.extend(f"{name}: {event.name}" for event in (heard if isinstance(heard, list) else [heard]))

    handle.__module__ = "orders.test"
    subscribe(CategoryChanged, name=f"orders.test_{name}", **options)(handle)


def test_one_look_handles_all_that_is_due_batches_last(recorder):  # noqa: F811
    heard = recorder.effects
    also("batch", heard, batch=True)
    also("other", heard)
    bring("a", "b")
    assert not dispatcher.dispatch("orders")
    assert sorted(heard[:-2]) == ["a", "b", "other: a", "other: b"]
    assert heard[-2:] == ["batch: a", "batch: b"]
    assert not inbox().filter(status=0).exists()
    assert not InboxShard.objects.using("orders").filter(current_rn__isnull=False).exists()


def test_a_shard_takes_a_look_at_the_others_only_by_name(recorder):  # noqa: F811
    bring("a", "b")
    dispatcher.dispatch("orders", Recorder.name, get_shard("b"))
    assert recorder.effects == ["b"]
    dispatcher.dispatch("orders", "orders.no_such_handler")
    assert recorder.effects == ["b"]


def test_some_shards_are_left_to_colleagues(recorder, monkeypatch):  # noqa: F811
    monkeypatch.setattr(dispatcher, "SHARDS_AT_ONCE", 2)
    held = []

    def count(event):
        with connections["orders"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            held.append(cursor.fetchone()[0])

    monkeypatch.setattr(Recorder, "__call__", lambda self, event: count(event))
    bring("a", "b", "c")
    dispatcher.dispatch("orders")
    assert held == [2, 2, 1]


def test_a_delivery_alone_costs_two_looks_and_its_transaction(recorder, asked):  # noqa: F811
    bring("a")
    asked.clear()
    dispatcher.dispatch("orders")
    assert len(asked) == 5, asked  # what is due, which deliveries, the claim, the lock's end, and what is due now


def test_those_in_whose_company_a_worker_died_are_handled_before_what_killed_it(recorder):  # noqa: F811
    bring("deadly", "a", "b", "c")
    mark("deadly", deaths=1)
    for name in "abc":
        mark(name)

    def die(event):
        if event.name == "deadly":
            raise KeyboardInterrupt
        recorder.effects.append(event.name)

    recorder.__class__ = type("Mortal", (Recorder,), {"__call__": lambda self, event: die(event)})
    with pytest.raises(KeyboardInterrupt):
        dispatcher.dispatch("orders")
    assert sorted(recorder.effects) == ["a", "b", "c"]
    left = InboxShard.objects.using("orders").get(current_rn__isnull=False)
    assert (left.shard, left.deaths) == (get_shard("deadly"), 2)


def test_who_has_no_time_left_leaves_no_mark(recorder, monkeypatch):  # noqa: F811
    bring("a", "b", "c")
    monkeypatch.setattr(dispatcher, "MAX_SECONDS", 0.05)
    monkeypatch.setattr(Recorder, "__call__", lambda self, event: dispatcher.time.sleep(0.06))
    assert dispatcher.dispatch("orders")
    assert inbox().filter(status=0).count() == 2
    assert not InboxShard.objects.using("orders").filter(current_rn__isnull=False).exists()


@pytest.mark.django_db(databases=["catalog", "orders"], transaction=True)
def test_who_lost_its_session_and_its_locks_with_it_leaves_the_rest_to_others(recorder, monkeypatch):  # noqa: F811
    same = uuid7()
    for name in ("a", "b", "c"):
        change(name, same)
    relay.sequence("catalog")
    relay.copy("catalog", "orders")
    cut = connections["orders"].close
    monkeypatch.setattr(dispatcher.failpoints, "reach", lambda place, _: place == "dispatch.after_commit" and cut())
    with session_lock("orders", Recorder.name, [inbox().first().shard]):
        shard = dispatcher._Shard("orders", subscriptions()[Recorder.name], inbox().first().shard)
        shard.run(shard._pending(), dispatcher.time.monotonic() + 9)
    assert recorder.effects == ["a"]
    monkeypatch.undo()
    dispatcher.dispatch("orders")
    assert recorder.effects == ["a", "b", "c"]
