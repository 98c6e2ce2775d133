"""The external stream against a real RabbitMQ: in order, confirmed, none lost, whatever dies."""

import threading
import time

import kombu
import msgspec
import pytest
from django.db import connections

from catalog.events import CategoryChanged, StockSold
from core.db import transaction
from core.events import REGISTRY
from core.ids import uuid7
from messaging.delivery import wakeups
from messaging.models import OutboxEvent, SinkCursor
from messaging.outbox import publish
from messaging.publishing import sinks
from messaging.publishing.amqp import Broker
from messaging.publishing.ports import NotConfirmed
from messaging.publishing.sinks import Sink
from messaging.publishing.topics import EXCHANGE, UNROUTED
from messaging.transport import relay, relay_loop
from messaging.transport.relay_loop import Relay

pytestmark = [pytest.mark.proof, pytest.mark.django_db(databases=["catalog"], transaction=True)]


@pytest.fixture
def sink():
    sink = Sink("catalog")
    yield sink
    sink.close()


class Reader:
    """An integrator: a durable queue bound to some of the events."""

    def __init__(self, url, binding="#"):
        self.url, self.name = url, f"reader-{uuid7()}"
        with kombu.Connection(url) as connection:
            exchange = kombu.Exchange(EXCHANGE, type="topic", durable=True)
            kombu.Queue(self.name, exchange, routing_key=binding, durable=True)(connection.channel()).declare()

    def read(self):
        return read_queue(self.url, self.name)

    def names(self):
        return [msgspec.json.decode(message.body)["data"]["name"] for message in self.read()]


def read_queue(url, name):
    found = []
    with kombu.Connection(url) as connection:
        queue = kombu.Queue(name)(connection.channel())
        while (message := queue.get(no_ack=True)) is not None:
            found.append(message)
    return found


def change(*names, category=None):
    with transaction("catalog"):
        for name in names:
            publish(CategoryChanged(category_id=category or uuid7(), name=name))
    while relay.sequence("catalog"):
        pass


def cursor():
    return SinkCursor.objects.using("catalog").get()


def position():
    return SinkCursor.objects.using("catalog").values_list("position", flat=True).first()


def head():
    return OutboxEvent.objects.using("catalog").order_by("-position").values_list("position", flat=True)[0]


def test_an_event_arrives_in_its_envelope(rabbit, sink):
    reader = Reader(rabbit.url, "category.*")
    category = uuid7()
    change("Wagons", category=category)
    assert sink.flush() == 1
    (message,) = reader.read()
    row = OutboxEvent.objects.using("catalog").get()
    envelope = msgspec.json.decode(message.body)
    assert envelope["data"]["name"] == "Wagons"
    assert {name: envelope[name] for name in ("specversion", "id", "source", "type", "subject", "sequence")} == {
        "specversion": "1.0",
        "id": str(row.id),
        "source": "/autosalon/catalog",
        "type": "category.changed",
        "subject": str(category),
        "sequence": f"{1:020d}",
    }
    assert message.delivery_info["routing_key"] == "category.changed"
    assert message.headers == {"topic": "catalog-events"}
    assert message.content_type == "application/cloudevents+json"
    assert (message.properties["delivery_mode"], message.properties["message_id"]) == (2, str(row.id))


def test_events_arrive_once_and_in_order_over_many_batches(rabbit, sink):
    reader = Reader(rabbit.url)
    names = [str(number) for number in range(2 * sinks.BATCH + 7)]
    change(*names)
    assert sink.flush() == len(names)
    assert sink.flush() == 0
    assert reader.names() == names
    assert cursor().position == head()


def test_internal_events_stay_inside(rabbit, sink):
    reader = Reader(rabbit.url)
    with transaction("catalog"):
        publish(StockSold(order_id=uuid7(), attempt_id=uuid7(), levels=[]))
    change("public")
    sink.flush()
    assert reader.names() == ["public"]
    with transaction("catalog"):
        publish(StockSold(order_id=uuid7(), attempt_id=uuid7(), levels=[]))
    relay.sequence("catalog")
    assert sink.flush() == 0
    assert cursor().position == head()


def test_an_event_that_no_queue_wants_is_kept_for_whoever_comes_late(rabbit, sink):
    change("early")
    Reader(rabbit.url, "order.*")
    assert sink.flush() == 1
    (kept,) = read_queue(rabbit.url, UNROUTED)
    assert (kept.properties["type"], kept.headers["topic"]) == ("category.changed", "catalog-events")
    reader = Reader(rabbit.url)
    change("late")
    sink.flush()
    assert reader.names() == ["late"]


def test_the_cursor_stays_where_the_broker_confirmed_nothing(rabbit, sink, monkeypatch):
    reader = Reader(rabbit.url)
    change("first")
    sink.flush()
    change("second")
    position = cursor().position

    def refuse(self):
        raise NotConfirmed("not in time")

    with monkeypatch.context() as patched:
        patched.setattr(Broker, "_await_confirms", refuse)
        with pytest.raises(NotConfirmed):
            sink.flush()
    assert cursor().position == position
    sink.flush()
    assert cursor().position == position + 1
    assert [*dict.fromkeys(reader.names())] == ["first", "second"]


def test_a_message_that_the_broker_refuses_is_not_counted_as_sent(rabbit, sink):
    with kombu.Connection(rabbit.url) as connection:
        exchange = kombu.Exchange(EXCHANGE, type="topic", durable=True)
        full = {"x-max-length": 1, "x-overflow": "reject-publish"}
        kombu.Queue(f"full-{uuid7()}", exchange, routing_key="#", queue_arguments=full)(connection.channel()).declare()
    change("fits", "does not fit", "nor does this")
    with pytest.raises(NotConfirmed):
        sink.flush()
    assert cursor().position == 0


def test_a_crash_between_confirm_and_cursor_repeats_and_loses_nothing(rabbit, monkeypatch):
    reader = Reader(rabbit.url)
    change("a", "b")

    def die(place, detail=""):
        raise SystemExit

    dying = Sink("catalog")
    with monkeypatch.context() as patched:
        patched.setattr("core.running.failpoints.reach", die)
        with pytest.raises(SystemExit):
            dying.flush()
    assert cursor().position == 0
    dying.close()
    heir = Sink("catalog")
    assert heir.flush() == 2
    heir.close()
    assert reader.names() == ["a", "b", "a", "b"]


def test_only_the_holder_of_the_lease_publishes(rabbit, sink):
    reader = Reader(rabbit.url)
    change("a")
    sink.flush()
    other = Sink("catalog")
    change("b")
    assert other.flush() == 0
    assert sink.flush() == 1
    SinkCursor.objects.using("catalog").update(lease_until="2020-01-01T00:00:00Z")
    change("c")
    assert other.flush() == 1
    sink.renew_at = 0
    change("d")
    assert sink.flush() == 0
    assert other.flush() == 1
    other.close()
    assert reader.names() == ["a", "b", "c", "d"]


def test_a_publisher_that_slept_through_its_lease_does_not_move_the_cursor_back(rabbit, sink):
    change("a")
    sink.flush()
    SinkCursor.objects.using("catalog").update(owner=uuid7(), position=0)
    sink._turn()
    assert cursor().position == 0


def test_an_event_of_an_unknown_type_waits_for_the_version_that_knows_it(rabbit, sink):
    reader = Reader(rabbit.url)
    change("before", "new kind", "after")
    rows = OutboxEvent.objects.using("catalog")
    rows.filter(data__name="new kind").update(type="category.merged")
    assert sink.flush() == 1
    assert (reader.names(), cursor().position) == (["before"], head() - 2)
    rows.update(created_at="2020-01-01T00:00:00Z")
    assert sink.flush() == 1
    assert (reader.names(), cursor().position) == (["after"], head())


def test_it_survives_a_restart_of_the_broker(rabbit):
    reader = Reader(rabbit.url)
    stopping = threading.Event()
    sink = Sink("catalog")
    thread = threading.Thread(target=_run, args=(sink, stopping))
    thread.start()
    try:
        change("before")
        _wait(lambda: position() == head())
        rabbit.crash()
        change("meanwhile")
        _wait(lambda: cursor().last_error)
        assert position() == head() - 1
        rabbit.start()
        change("after")
        _wait(lambda: position() == head())
    finally:
        stopping.set()
        thread.join(timeout=20)
    assert not thread.is_alive()
    assert [*dict.fromkeys(reader.names())] == ["before", "meanwhile", "after"]
    assert cursor().last_error == ""


@pytest.fixture
def no_subscribers(monkeypatch):
    monkeypatch.setattr(relay_loop, "list_targets", lambda source, types=None: [])


def test_the_relay_tells_the_stream_by_itself(rabbit, no_subscribers):
    reader = Reader(rabbit.url)
    running = Relay(["catalog"])
    with wakeups.muted():
        running.start()
        try:
            with transaction("catalog"):
                publish(CategoryChanged(category_id=uuid7(), name="Wagons"))
            found = []
            _wait(lambda: found.extend(reader.names()) or found)
        finally:
            running.stop()
    assert found == ["Wagons"]
    assert not any(thread.is_alive() for thread in running.threads)


def test_without_a_stream_no_thread_is_started(settings, no_subscribers):
    settings.STREAM_URL = ""
    running = Relay(["catalog"])
    with wakeups.muted():
        running.start()
        running.stop()
    names = [thread.name for thread in running.threads]
    assert names[:2] == ["relay-catalog", "sweep-catalog"]
    assert not [name for name in names if name.startswith("stream")]


def _run(sink, stopping):
    try:
        sink.run(stopping)
    finally:
        connections.close_all()


def _wait(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_flush_once_lets_go_of_its_lease(rabbit):
    change("a")
    assert sinks.flush_once("catalog") == 1
    change("b")
    assert sinks.flush_once("catalog") == 1


def test_every_public_event_has_a_topic():
    topics = {sinks.get_topic(event.app()) for event in REGISTRY.values()}
    assert {"user-events", "order-events", "payment-events"} <= topics
