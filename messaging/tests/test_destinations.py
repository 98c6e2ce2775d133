"""Contracts have events told under names of their own: fanout exchanges, plain queues and topics."""

import kombu
import msgspec
import pytest
from django.utils import timezone

from catalog.events import CategoryChanged
from core.db import transaction
from core.ids import uuid7
from core.outside.destinations import Destination
from messaging.outbox import publish
from messaging.publishing import destinations
from messaging.publishing.envelope import to_cloudevent
from messaging.publishing.sinks import Sink
from messaging.publishing.topics import EXCHANGE
from messaging.tests.kafka import Cluster
from messaging.transport import relay

NAMED = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def shorten(event):
    """The name alone; what has none is not told."""
    return {"name": event["data"]["name"]} if event["data"]["name"] else None


def row(name, kind="topic", driver="amqp", **more):
    return Destination(driver=driver, name=name, kind=kind, events=("category.changed",), **more)


@pytest.fixture
def declared(monkeypatch):
    monkeypatch.setattr(destinations, "_declared", {})
    return destinations.declare


def event(name="Wagons", subject="7"):
    return to_cloudevent(
        source="catalog", event_id=uuid7(), type="category.changed", version=1, subject=subject, seq=1,
        data={"category_id": subject, "name": name}, headers={}, created_at=timezone.now(),
    )  # fmt: skip


def places(one):
    return [(driver, name, key) for driver, name, key, _ in destinations.destinations(one, "catalog-events")]


NATIVE = [("amqp", EXCHANGE, "category.changed"), ("kafka", "autosalon.catalog-events", "7")]


def test_without_contracts_an_event_goes_by_our_own_names_alone(declared):
    assert places(event()) == NATIVE


def test_a_contract_adds_its_names_each_once(declared):
    declared("a", [row(EXCHANGE)])
    declared("b", [row("category_changed", "fanout", body=shorten, schema=NAMED), row("category.changed", "queue")])
    declared("d", [row("category-events", driver="kafka"), row("category-events", driver="kafka")])
    assert set(places(event())) == {
        *NATIVE,
        ("amqp", "category_changed", "7"),
        ("amqp", "category.changed", "7"),
        ("kafka", "category-events", "7"),
    }
    assert len(places(event())) == 5
    other = msgspec.structs.replace(event(), type="product.created")
    assert [name for _, name, _ in places(other)] == [EXCHANGE, "autosalon.catalog-events"]


def test_a_body_of_its_own_may_say_nothing(declared):
    declared("b", [row("category_changed", "fanout", body=shorten, schema=NAMED)])
    bodies = {name: body for _, name, _, body in destinations.destinations(event(), "catalog-events")}
    assert msgspec.json.decode(bodies["category_changed"]) == {"name": "Wagons"}
    assert places(event(name="")) == NATIVE


@pytest.mark.parametrize(
    "table",
    [
        [Destination(driver="amqp", name="x", events=("stock.sold",))],
        [Destination(driver="amqp", name="x", events=("no.such",))],
        [row("x", "fanout"), row("x", "queue")],
        [row(EXCHANGE, "fanout")],
    ],
)
def test_a_table_that_no_broker_could_serve_is_refused(declared, table):
    with pytest.raises(ValueError, match="contract b"):
        declared("b", table)
    assert destinations.declared() == {}


@pytest.mark.parametrize("wrong", [{"driver": "kafka", "kind": "queue"}, {"body": shorten}, {"schema": NAMED}])
def test_a_row_that_contradicts_itself_is_refused(wrong):
    with pytest.raises(ValueError, match="x"):
        row("x", **wrong)


# To brokers ---------------------------------------------------------------------------------------------------------
def change(*names):
    with transaction("catalog"):
        for name in names:
            publish(CategoryChanged(category_id=uuid7(), name=name))
    relay.sequence("catalog")


def drain(url, queue):
    found = []
    with kombu.Connection(url) as connection:
        known = kombu.Queue(queue)(connection.channel())
        while (message := known.get(no_ack=True)) is not None:
            found.append(message)
    return found


@pytest.mark.proof
@pytest.mark.django_db(databases=["catalog"], transaction=True)
def test_rabbitmq_tells_fanouts_queues_and_our_exchange(rabbit, declared):
    fanout, queue = f"fanout-{uuid7()}", f"queue-{uuid7()}"
    declared("b", [row(fanout, "fanout", body=shorten, schema=NAMED), row(queue, "queue")])
    sink = Sink("catalog")
    try:
        change("nobody listens yet")
        assert sink.flush() == 1
        with kombu.Connection(rabbit.url) as connection:
            exchange = kombu.Exchange(fanout, type="fanout", durable=True)
            kombu.Queue(f"{fanout}-reader", exchange, durable=True)(connection.channel()).declare()
        change("b", "c")
        assert sink.flush() == 2
    finally:
        sink.close()
    heard, kept = drain(rabbit.url, f"{fanout}-reader"), drain(rabbit.url, queue)
    assert [msgspec.json.decode(one.body) for one in heard] == [{"name": "b"}, {"name": "c"}]
    assert {one.content_type for one in heard} == {"application/json"}
    assert [msgspec.json.decode(one.body)["data"]["name"] for one in kept] == ["nobody listens yet", "b", "c"]
    assert {one.properties["delivery_mode"] for one in (*heard, *kept)} == {2}


@pytest.mark.proof
@pytest.mark.django_db(databases=["catalog"], transaction=True)
def test_rabbitmq_takes_a_name_as_its_reader_declared_it(rabbit, declared):
    queue = f"queue-{uuid7()}"
    with kombu.Connection(rabbit.url) as connection:
        kombu.Queue(queue, durable=False, queue_arguments={"x-max-length": 5})(connection.channel()).declare()
        declared("b", [row(queue, "queue")])
        sink = Sink("catalog")
        try:
            change("a")
            assert sink.flush() == 1
        finally:
            sink.close()
        assert len(drain(rabbit.url, queue)) == 1


@pytest.mark.django_db(databases=["catalog"], transaction=True)
def test_kafka_tells_the_topics_of_contracts(settings, declared):
    cluster, topic = Cluster(), f"new_thing-{uuid7()}"
    cluster.make(topic)
    settings.KAFKA_SERVERS = cluster.servers
    declared("e", [row(topic, driver="kafka", body=shorten, schema=NAMED)])
    sink = Sink("catalog", "kafka")
    try:
        change("a", "", "b")
        assert sink.flush() == 3
    finally:
        sink.close()
    records = cluster.read(topic, count=2)
    assert sorted(msgspec.json.decode(one.value())["name"] for one in records) == ["a", "b"]
