"""Commands of partners from Kafka: obeyed once, in order within a partition, kept with the reason where refused."""

import threading
import time

import msgspec
import pytest
from django.core.management import call_command

from core.ids import uuid7
from core.testing import token_for
from messaging.commanding import kafka
from messaging.management.commands import consume_stream
from messaging.tests.kafka import PARTITIONS, Cluster
from orders.models import Order
from orders.tests import make
from tests.live import Web
from tests.ports import hold_port

PLACE = {"type": "order.place", "data": {"items": []}}


class Partner:
    """Publishes commands, and sees what was refused and what is left."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        cluster.make(kafka.TOPIC, kafka.REFUSED)
        self.producer = cluster.client.Producer({"bootstrap.servers": cluster.servers, "log_level": 0})

    def publish(self, *bodies, token="", ids=(), partition=0):
        for place, body in enumerate(bodies):
            headers = {"id": ids[place] if ids else str(uuid7())}
            headers |= {"Authorization": f"Bearer {token}"} if token else {}
            value = body if isinstance(body, bytes | None) else msgspec.json.encode(body)
            self.producer.produce(kafka.TOPIC, value, headers=headers, partition=partition)
        assert self.producer.flush(10) == 0

    def refused(self, count):
        return self.cluster.read(kafka.REFUSED, count=count)

    def committed(self):
        """How many commands of all partitions are done with."""
        reader = self.cluster.client.Consumer(
            {"bootstrap.servers": self.cluster.servers, "group.id": kafka.GROUP, "log_level": 0}
        )
        try:
            places = [self.cluster.client.TopicPartition(kafka.TOPIC, number) for number in range(PARTITIONS)]
            return sum(max(0, one.offset) for one in reader.committed(places, timeout=10))
        finally:
            reader.close()


@pytest.fixture
def partner(monkeypatch):
    """Topics and a group of this test's own: the cluster may be a real one."""
    own = uuid7()
    for name in ("TOPIC", "GROUP", "REFUSED"):
        monkeypatch.setattr(kafka, name, f"test-{own}-{name.lower()}")
    cluster = Cluster()
    if cluster.brokers is not None:
        monkeypatch.setitem(kafka._SETTINGS, "session.timeout.ms", 6000)
        monkeypatch.setitem(kafka._SETTINGS, "heartbeat.interval.ms", 1000)
    return Partner(cluster)


@pytest.fixture
def api(httpserver, settings):
    settings.COMMANDS_API, settings.COMMANDS = httpserver.url_for(""), ["order.place", "order.cancel"]
    return httpserver


class Obeying:
    """A reader of the group, as the process runs it."""

    def __init__(self, partner):
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=kafka.consume, args=(partner.cluster.servers, {}, self.stopping))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(timeout=20)
        assert not self.thread.is_alive()


def wait(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def keys(api):
    return [request.headers["Idempotency-Key"] for request, _ in api.log]


@pytest.mark.proof
def test_commands_of_a_partition_are_obeyed_in_order_and_not_again(partner, api):
    api.expect_request("/api/v1/orders", "POST").respond_with_json({}, status=201)
    with Obeying(partner):
        partner.publish(PLACE, PLACE, PLACE, token="x", ids=("a", "b", "c"))
        wait(lambda: len(api.log) == 3)
        wait(lambda: partner.committed() == 3)
    assert keys(api) == ["a", "b", "c"]
    assert {request.headers["Authorization"] for request, _ in api.log} == {"Bearer x"}
    with Obeying(partner):
        partner.publish(PLACE, ids=("d",))
        wait(lambda: len(api.log) == 4)
    assert keys(api)[3:] == ["d"]


@pytest.mark.proof
def test_a_refused_command_is_kept_with_its_reason_and_without_its_token(partner, api):
    problem = {"status": 409, "code": "price_changed", "detail": "It costs more now."}
    api.expect_request("/api/v1/orders").respond_with_json(problem, status=409)
    with Obeying(partner):
        partner.publish(PLACE, b"not json", None, token="secret-token", ids=("one", "two", "three"))
        found = partner.refused(3)
        wait(lambda: partner.committed() == 3)
    told = {one.key().decode(): msgspec.json.decode(one.value()) for one in found}
    assert told["one"] == problem | {"message_id": "one", "command": PLACE}
    assert (told["two"]["code"], told["two"]["command"]) == ("validation_error", "not json")
    assert told["three"]["code"] == "validation_error"
    assert {dict(one.headers())["content-type"] for one in found} == {b"application/problem+json"}
    assert "secret-token" not in str([(one.value(), one.headers()) for one in found])


@pytest.mark.proof
def test_a_command_that_waits_is_somebody_elses_after_a_stop(partner, api):
    api.expect_ordered_request("/api/v1/orders").respond_with_json({}, status=503)
    with Obeying(partner):
        partner.publish(PLACE, ids=("a",))
        wait(lambda: api.log)
    assert partner.committed() == 0
    api.clear()
    api.expect_request("/api/v1/orders").respond_with_json({}, status=201)
    with Obeying(partner):
        wait(lambda: partner.committed() == 1)
    assert keys(api) == ["a"]


@pytest.mark.proof
def test_an_api_that_is_away_is_waited_for_by_a_living_member(partner, api, monkeypatch):
    """Others of the partition come after, though they are read while the first waits."""
    monkeypatch.setattr(kafka, "LOOK_S", 0.05)
    api.expect_ordered_request("/api/v1/orders").respond_with_json({}, status=503)
    api.expect_ordered_request("/api/v1/orders").respond_with_json({}, status=503)
    for _ in range(3):
        api.expect_ordered_request("/api/v1/orders").respond_with_json({}, status=201)
    with Obeying(partner):
        partner.publish(PLACE, PLACE, ids=("a", "b"))
        partner.publish(PLACE, ids=("c",), partition=1)
        wait(lambda: partner.committed() == 3)
    assert keys(api)[:3] == [keys(api)[0]] * 3
    assert sorted(keys(api)[2:]) == ["a", "b", "c"]


@pytest.mark.proof
def test_readers_of_the_group_share_the_partitions(partner, api):
    api.expect_request("/api/v1/orders").respond_with_json({}, status=201)
    with Obeying(partner), Obeying(partner):
        for number in range(PARTITIONS):
            partner.publish(PLACE, PLACE, ids=(f"{number}-a", f"{number}-b"), partition=number)
        wait(lambda: partner.committed() == 2 * PARTITIONS)
    seen = list(dict.fromkeys(keys(api)))
    assert set(seen) == {f"{number}-{which}" for number in range(PARTITIONS) for which in "ab"}
    for number in range(PARTITIONS):
        assert seen.index(f"{number}-a") < seen.index(f"{number}-b")


def test_brokers_that_are_away_are_tried_again(monkeypatch):
    tried = []
    stopping = threading.Event()

    def fail(*given):
        tried.append(given)
        if len(tried) == 3:
            stopping.set()
        raise OSError("away")

    monkeypatch.setattr(kafka, "Consumer", fail)
    monkeypatch.setattr(kafka, "MAX_BACKOFF_S", 0.01)
    kafka.consume(f"127.0.0.1:{hold_port()}", {}, stopping)
    assert len(tried) == 3


def test_the_process_reads_every_broker_that_is_named(settings, monkeypatch):
    settings.STREAM_URL, settings.KAFKA_SERVERS, settings.COMMANDS = "amqp://x", "localhost:9092", ["order.place"]
    settings.KAFKA_OPTIONS = {"security.protocol": "SSL"}
    heard = []
    for name, broker in (("rabbit", consume_stream.rabbit), ("kafka", consume_stream.kafka)):
        monkeypatch.setattr(broker, "consume", lambda *given, name=name: heard.append((name, given[:-1])))
    monkeypatch.setattr(consume_stream.signal, "signal", lambda *_: None)
    monkeypatch.setattr(consume_stream, "ALIVE_S", 0.01)
    call_command("consume_stream")
    assert sorted(heard) == [("kafka", ("localhost:9092", {"security.protocol": "SSL"})), ("rabbit", ("amqp://x",))]


@pytest.mark.proof
@pytest.mark.django_db(databases=["accounts", "catalog", "clients", "orders", "payments"], transaction=True)
def test_a_partner_orders_once_and_may_do_what_its_token_may(partner, settings):
    buyer, body = uuid7(), {"items": [{"product_id": str(make.product(available=5)), "quantity": 1}]}
    command, settings.COMMANDS = {"type": "order.place", "data": body}, ["order.place"]
    with Web() as web:
        settings.COMMANDS_API = f"http://127.0.0.1:{web.port}"
        with Obeying(partner):
            for _ in range(2):
                partner.publish(command, token=token_for(buyer, "client"), ids=("order-7",))
            partner.publish(command)
            wait(lambda: partner.committed() == 3)
    (refused,) = partner.refused(1)
    assert (msgspec.json.decode(refused.value())["code"], Order.objects.count()) == ("not_authenticated", 1)
    assert Order.objects.get().customer_id == buyer
