"""Public events reach Kafka: keyed, in order, each delivered before the cursor moves."""

import msgspec
import pytest

from catalog.events import CategoryChanged, StockSold
from core.db import transaction
from core.ids import uuid7
from messaging.models import OutboxEvent, SinkCursor
from messaging.outbox import publish
from messaging.publishing import kafka, sinks
from messaging.publishing.ports import NotConfirmed
from messaging.publishing.sinks import Sink
from messaging.tests.kafka import Cluster
from messaging.transport import relay
from tests.ports import hold_port

pytestmark = pytest.mark.django_db(databases=["catalog"], transaction=True)


@pytest.fixture
def cluster(settings, topic):
    cluster = Cluster()
    cluster.make(topic)
    settings.KAFKA_SERVERS = cluster.servers
    return cluster


@pytest.fixture
def topic(monkeypatch):
    """A topic of this test's own: the cluster may be a real one."""
    prefix = f"test-{uuid7()}."
    monkeypatch.setattr("messaging.publishing.destinations.KAFKA_PREFIX", prefix)
    return f"{prefix}catalog-events"


@pytest.fixture
def sink():
    sink = Sink("catalog", "kafka")
    yield sink
    sink.close()


def change(*names, category=None):
    with transaction("catalog"):
        for name in names:
            publish(CategoryChanged(category_id=category or uuid7(), name=name))
    while relay.sequence("catalog"):
        pass


def position():
    return SinkCursor.objects.using("catalog").values_list("position", flat=True).get(sink="kafka")


def head():
    return OutboxEvent.objects.using("catalog").order_by("-position").values_list("position", flat=True)[0]


def names(records):
    return [msgspec.json.decode(record.value())["data"]["name"] for record in records]


def test_an_event_is_a_record_under_its_aggregate(cluster, topic, sink):
    category = uuid7()
    change("Wagons", category=category)
    assert sink.flush() == 1
    (record,) = cluster.read(topic, count=1)
    row = OutboxEvent.objects.using("catalog").get()
    envelope = msgspec.json.decode(record.value())
    assert (record.key().decode(), envelope["id"], envelope["type"]) == (str(category), str(row.id), "category.changed")
    assert {name: value.decode() for name, value in record.headers()} == {
        "id": str(row.id), "type": "category.changed", "content-type": "application/cloudevents+json",
    }  # fmt: skip
    assert position() == head()


def test_what_is_about_one_thing_stays_in_order_over_many_batches(cluster, topic, sink):
    things = [uuid7() for _ in range(5)]
    for number in range(2 * sinks.BATCH // 5 + 3):
        for thing in things:
            change(str(number), category=thing)
    count = len(things) * (2 * sinks.BATCH // 5 + 3)
    assert (sink.flush(), sink.flush()) == (count, 0)
    records = cluster.read(topic, count=count)
    assert len(records) == count
    for thing in things:
        own = [record for record in records if record.key().decode() == str(thing)]
        assert len({record.partition() for record in own}) == 1
        assert names(own) == [str(number) for number in range(count // len(things))]


def test_internal_events_stay_inside(cluster, topic, sink):
    with transaction("catalog"):
        publish(StockSold(order_id=uuid7(), attempt_id=uuid7(), levels=[]))
    change("public")
    sink.flush()
    assert names(cluster.read(topic, count=1)) == ["public"]


def test_the_cursor_stays_where_no_broker_answers(topic, sink, settings, monkeypatch):
    monkeypatch.setattr(kafka, "CONNECT_S", 0.3)
    settings.KAFKA_SERVERS = f"127.0.0.1:{hold_port()}"
    pytest.importorskip("confluent_kafka")
    change("waits")
    with pytest.raises(NotConfirmed):
        sink.flush()
    assert position() == 0
    cluster = Cluster()
    settings.KAFKA_SERVERS = cluster.servers
    assert sink.flush() == 1
    assert names(cluster.read(topic, count=1)) == ["waits"]


def test_a_record_that_is_refused_holds_the_cursor(cluster, topic, sink, settings):
    settings.KAFKA_OPTIONS = {"message.max.bytes": "1500"}
    change("fits")
    sink.flush()
    change("x" * 3000)
    with pytest.raises(NotConfirmed):
        sink.flush()
    assert position() == head() - 1
    settings.KAFKA_OPTIONS = {}
    assert sink.flush() == 1
    assert names(cluster.read(topic, count=2)) in (["fits", "x" * 3000], ["x" * 3000, "fits"])


def test_a_record_without_its_report_is_not_counted_as_delivered(cluster, topic, sink, monkeypatch):
    change("first")
    sink.flush()
    change("second")
    with monkeypatch.context() as patched:
        patched.setattr(kafka.Kafka, "_on_delivery", lambda self, error, record: self.failures.append("not told"))
        with pytest.raises(NotConfirmed):
            sink.flush()
    assert position() == head() - 1
    assert sink.flush() == 1


def test_each_broker_has_a_cursor_of_its_own(cluster, topic, sink, settings):
    settings.STREAM_URL = f"amqp://guest:guest@127.0.0.1:{hold_port()}/"
    change("both")
    other = Sink("catalog", "amqp")
    with pytest.raises(OSError):
        other.flush()
    assert sink.flush() == 1
    standing = dict(SinkCursor.objects.using("catalog").values_list("sink", "position"))
    assert standing == {"stream": 0, "kafka": head()}
    assert sinks.drivers() == ["amqp", "kafka"]
    other.close()


def test_only_the_holder_of_the_lease_publishes(cluster, topic, sink):
    change("a")
    sink.flush()
    other = Sink("catalog", "kafka")
    change("b")
    assert (other.flush(), sink.flush()) == (0, 1)


def test_without_the_client_it_is_said_what_to_install(monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(kafka.importlib, "import_module", absent)
    with pytest.raises(ImportError, match=r"requirements-kafka\.txt"):
        kafka.library()
