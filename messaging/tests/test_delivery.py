"""From outbox to effect: what is published arrives once, in order, whatever fails on the way."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db import connections
from django.utils import timezone

from catalog.events import CategoryChanged
from core.db import OutsideTransaction, transaction
from core.ids import uuid7
from messaging import subscriptions
from messaging.delivery import dispatcher, parked
from messaging.models import DeliveryStatus, EventStream, InboxCursor, InboxEvent, OutboxEvent
from messaging.outbox import EventTooLarge, publish
from messaging.subscriptions import Subscription, subscribe
from messaging.testing import drain_outbox, make_due
from messaging.transport import logs, relay

pytestmark = pytest.mark.django_db(databases=["catalog", "orders"])


class Recorder:
    """A handler in orders that remembers what it did, and fails when told to."""

    name = "orders.test_recorder"

    def __init__(self) -> None:
        self.effects: list[str] = []
        self.failures: dict[str, int] = {}

    def __call__(self, event: CategoryChanged) -> None:
        if self.failures.get(event.name, 0) > 0:
            self.failures[event.name] -= 1
            raise RuntimeError("not this time")
        self.effects.append(event.name)


def register(recorder: Recorder, **options) -> None:
    def handle(event):
        recorder(event)

    handle.__module__ = "orders.test"
    subscribe(CategoryChanged, name=recorder.name, **options)(handle)


def leave_alone() -> None:
    """Take away the product's own interest of orders in the message that these tests count."""
    for name, one in list(subscriptions.subscriptions().items()):
        if one.alias == "orders" and CategoryChanged in one.messages:
            del subscriptions._registry[name]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    known = dict(subscriptions.subscriptions())
    leave_alone()
    recorder = Recorder()
    register(recorder, max_attempts=3)
    yield recorder
    subscriptions._registry.clear()
    subscriptions._registry.update(known)


def change(name: str, category: UUID | None = None) -> UUID:
    category = category or uuid7()
    with transaction("catalog"):
        publish(CategoryChanged(category_id=category, name=name))
    return category


def inbox():
    return InboxEvent.objects.using("orders").filter(handler=Recorder.name)


def test_publishing_outside_a_transaction_is_refused():
    with pytest.raises(OutsideTransaction):
        publish(CategoryChanged(category_id=uuid7(), name="x"))


def test_publishing_in_another_apps_transaction_is_refused():
    with pytest.raises(OutsideTransaction), transaction("orders"):
        publish(CategoryChanged(category_id=uuid7(), name="x"))


def test_a_rollback_takes_its_events_along():
    def fail_after_publishing():
        with transaction("catalog"):
            publish(CategoryChanged(category_id=uuid7(), name="x"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_publishing()
    assert not OutboxEvent.objects.using("catalog").exists()


def test_an_event_larger_than_intermediaries_carry_is_refused():
    with pytest.raises(EventTooLarge):
        change("x" * 40_000)


def test_sequence_counts_per_aggregate_and_position_over_all():
    first = change("a")
    change("b")
    with transaction("catalog"):
        publish(CategoryChanged(category_id=first, name="c"))
        publish(CategoryChanged(category_id=first, name="d"))
    relay.sequence("catalog")
    rows = list(OutboxEvent.objects.using("catalog").order_by("position"))
    assert [row.position for row in rows] == [1, 2, 3, 4]
    assert [row.seq for row in rows if row.aggregate_id == str(first)] == [1, 2, 3]
    assert [row.data["name"] for row in rows] == ["a", "b", "c", "d"]
    assert EventStream.objects.using("catalog").get(aggregate_id=str(first)).last_seq == 3


def test_it_is_handled_once_however_often_it_is_copied(recorder):
    change("a")
    drain_outbox("catalog", "orders")
    InboxCursor.objects.using("orders").update(position=0)
    drain_outbox("catalog", "orders")
    assert recorder.effects == ["a"]
    assert inbox().get().status == DeliveryStatus.DONE


def test_events_of_one_aggregate_keep_their_order(recorder):
    category = change("1")
    for name in "23456":
        change(name, category)
    drain_outbox("catalog", "orders")
    assert recorder.effects == list("123456")


def test_a_failure_holds_up_its_own_partition_only(recorder):
    recorder.failures["bad"] = 1
    sick = change("bad")
    change("after bad", sick)
    change("other")
    drain_outbox("catalog", "orders")
    assert recorder.effects == ["other"]
    make_due("orders")
    drain_outbox("catalog", "orders")
    assert recorder.effects == ["other", "bad", "after bad"]


def test_what_no_repetition_heals_is_parked_at_once(recorder):
    register(recorder, max_attempts=3, final=(RuntimeError,))
    recorder.failures["poison"] = 1
    change("poison")
    drain_outbox("catalog", "orders")
    assert (inbox().get().status, inbox().get().attempts) == (DeliveryStatus.DEAD, 1)
    assert recorder.effects == []


def test_it_is_parked_when_its_retries_are_used_up_and_can_be_retried(recorder):
    recorder.failures["poison"] = 99
    sick = change("poison")
    change("behind", sick)
    for _ in range(5):
        drain_outbox("catalog", "orders")
        make_due("orders")
    row = inbox().get(status=DeliveryStatus.DEAD)
    assert (row.attempts, "not this time" in row.last_error) == (3, True)
    change("elsewhere")
    drain_outbox("catalog", "orders")
    assert recorder.effects == ["elsewhere"]

    from messaging.delivery import parked

    recorder.failures.clear()
    assert parked.retry("orders", [row.rn], now=timezone.now()) == 1
    drain_outbox("catalog", "orders")
    assert recorder.effects == ["elsewhere", "poison", "behind"]


def test_a_discarded_delivery_lets_the_next_through(recorder):
    from messaging.delivery import parked

    recorder.failures["poison"] = 99
    sick = change("poison")
    change("behind", sick)
    for _ in range(4):
        drain_outbox("catalog", "orders")
        make_due("orders")
    parked.discard("orders", [inbox().get(status=DeliveryStatus.DEAD).rn], now=timezone.now())
    drain_outbox("catalog", "orders")
    assert recorder.effects == ["behind"]


def test_a_failed_effect_leaves_nothing_behind(recorder):
    from orders.models import ProductCopy

    def handle(event):
        ProductCopy.objects.create(
            product_id=event.category_id, sku="s", name="n", kind="vehicle", price=1, currency="RUB", available=1
        )
        raise RuntimeError("after the write")

    handle.__module__ = "orders.test"
    subscribe(CategoryChanged, name=Recorder.name)(handle)
    change("a")
    drain_outbox("catalog", "orders")
    assert not ProductCopy.objects.exists()
    assert inbox().get().attempts == 1


def test_a_batch_handler_loses_only_the_bad_event(recorder):
    seen: list[str] = []

    def handle(events):
        if any(event.name == "bad" for event in events):
            raise RuntimeError("bad one")
        seen.extend(event.name for event in events)

    handle.__module__ = "orders.test"
    subscribe(CategoryChanged, name=Recorder.name, batch=True)(handle)
    for name in ("a", "bad", "c"):
        change(name)
    drain_outbox("catalog", "orders")
    assert seen == ["a", "c"]
    assert inbox().get(status=DeliveryStatus.PENDING).data["name"] == "bad"


def test_a_source_restored_from_a_backup_stops_the_pair(recorder):
    change("a")
    drain_outbox("catalog", "orders")
    with connections["catalog"].cursor() as cursor:
        cursor.execute("UPDATE messaging_feed_head SET epoch = %s", [uuid7()])
    change("b")
    drain_outbox("catalog", "orders")
    assert recorder.effects == ["a"]
    cursor_row = InboxCursor.objects.using("orders").get(handler=Recorder.name)
    assert (cursor_row.is_paused, "backup" in cursor_row.pause_reason) == (True, True)


def test_a_worker_that_dies_on_a_delivery_five_times_parks_it(recorder):
    change("deadly")
    relay.sequence("catalog")
    relay.copy("catalog", "orders")
    row = inbox().get()
    with connections["orders"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO messaging_inbox_lane (handler, shard, current_rn, deaths) VALUES (%s, %s, %s, 4)",
            [Recorder.name, row.shard, row.rn],
        )
    dispatcher.dispatch("orders", Recorder.name, row.shard)
    assert recorder.effects == []
    assert inbox().get().status == DeliveryStatus.DEAD
    parked.retry("orders", [row.rn], now=timezone.now())
    drain_outbox("orders")
    assert recorder.effects == ["deadly"], "a retried delivery begins a new life"


def test_an_event_of_an_unknown_type_waits_for_the_worker_that_knows_it(recorder):
    change("a")
    relay.sequence("catalog")
    relay.copy("catalog", "orders")
    inbox().update(type="category.renamed_in_the_future")
    drain_outbox("orders")
    row = inbox().get()
    assert (row.status, row.attempts) == (DeliveryStatus.PENDING, 0)


def test_request_id_travels_from_cause_to_effect(recorder):
    from core import context

    with context.cause(request_id="r-1"):
        change("a")
    drain_outbox("catalog", "orders")
    assert inbox().get().headers["request_id"] == "r-1"


def test_a_subscription_that_starts_now_skips_the_past(recorder):
    change("past")
    relay.sequence("catalog")
    register(recorder, start="now")
    drain_outbox("catalog", "orders")
    change("future")
    drain_outbox("catalog", "orders")
    assert recorder.effects == ["future"]


def test_the_registry_refuses_two_handlers_of_one_name(recorder):
    def impostor(event):
        raise AssertionError

    impostor.__module__ = "orders.elsewhere"
    with pytest.raises(subscriptions.DuplicateHandler):
        subscribe(CategoryChanged, name=Recorder.name)(impostor)
    assert isinstance(subscriptions.subscriptions()[Recorder.name], Subscription)


def test_a_relay_that_waits_for_another_takes_its_progress_for_no_restore(recorder, monkeypatch):
    page, overtakes = logs.Log.page, iter([True])

    def wait_for_the_other(*arguments):
        if next(overtakes, False):
            change("placed while we waited")
            relay.sequence("catalog")
            relay.copy("catalog", "orders")
        return page(*arguments)

    change("a")
    relay.sequence("catalog")
    monkeypatch.setattr(logs.Log, "page", wait_for_the_other)
    relay.copy("catalog", "orders")
    drain_outbox("catalog", "orders")
    assert not InboxCursor.objects.using("orders").filter(is_paused=True).exists()
    assert sorted(recorder.effects) == ["a", "placed while we waited"]


def test_a_relay_that_finds_a_cursor_made_meanwhile_takes_it_for_no_restore(recorder, monkeypatch):
    begin, overtakes = relay._begin, iter([True])

    def make_it_later(*arguments):
        if next(overtakes, False):
            change("placed while we waited")
            relay.sequence("catalog")
            relay.copy("catalog", "orders")
        begin(*arguments)

    change("a")
    relay.sequence("catalog")
    monkeypatch.setattr(relay, "_begin", make_it_later)
    relay.copy("catalog", "orders")
    drain_outbox("catalog", "orders")
    assert not InboxCursor.objects.using("orders").filter(is_paused=True).exists()
    assert sorted(recorder.effects) == ["a", "placed while we waited"]


def test_a_relay_that_finds_nothing_new_locks_nothing(recorder, asked):
    change("a")
    drain_outbox("catalog", "orders")
    asked.clear()
    assert relay.copy("catalog", "orders") == (set(), False)
    assert asked
    assert [sql for _, sql in asked if "UPDATE " in sql] == []
