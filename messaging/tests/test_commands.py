"""Commands of partners: read from RabbitMQ, put to the API, obeyed once, kept with the reason where refused."""

import re
import threading
import time

import httpx2
import kombu
import msgspec
import pytest
from django.core.management import CommandError, call_command

from core.ids import uuid7
from core.testing import token_for
from messaging.commanding import calls, kafka, rabbit
from messaging.commanding.calls import Caller, Later, Patience, write_refusal
from messaging.commanding.commands import COMMANDS, Message, read
from messaging.tests.rabbit import Rabbit
from orders.models import Order
from orders.tests import make
from tests.contract import document
from tests.live import Web
from tests.ports import hold_port

ORDER = uuid7()
PLACE = {"type": "order.place", "data": {"items": []}}


def test_every_command_is_a_call_that_takes_a_key():
    """Only then is a message that comes twice obeyed once."""
    keyed = {
        re.sub(r"{\w+}", "{}", path.removeprefix("/api/v1"))
        for path, item in document()["paths"].items()
        if any("Idempotency-Key" in str(one) for one in item.get("post", {}).get("parameters", []))
    }
    assert {re.sub(r"{\w+}", "{}", command.path) for command in COMMANDS.values()} <= keyed


def message(body=PLACE, **given):
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Message(**({"id": str(uuid7()), "authorization": "Bearer x", "body": raw} | given))


def test_ids_of_the_address_are_taken_out_of_the_data():
    given = message({"type": "order.cancel", "data": {"order_id": str(ORDER), "reason": "no"}, "specversion": "1.0"})
    assert read(given, {"order.cancel"}) == (f"/orders/{ORDER}/cancel", b'{"reason":"no"}')


@pytest.fixture
def api(httpserver, settings):
    settings.COMMANDS_API, settings.COMMANDS = httpserver.url_for(""), ["order.place", "order.cancel"]
    return httpserver


@pytest.fixture
def caller(api):
    caller = Caller()
    yield caller
    caller.close()


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        (message(id=""), "message_id", "required"),
        (message(id="a b\n"), "message_id", "required"),
        (message(authorization="Bearer \n"), "authorization", "invalid"),
        (message(authorization="Bearer x "), "authorization", "invalid"),
        (message(authorization=" Bearer x"), "authorization", "invalid"),
        (message(b"not json"), "body", "invalid"),
        (message(b"\xff"), "body", "invalid"),
        (message([]), "body", "invalid"),
        (message(b" " * 1_000_001), "body", "too_large"),
        (message({"type": "payment.refund"}), "type", "unknown_command"),
        (message({"type": "order.forge"}), "type", "unknown_command"),
        (message({"type": "order.cancel", "data": {"order_id": "../users"}}), "order_id", "required"),
    ],
)
def test_what_is_no_command_is_refused_without_a_call(caller, api, given, field, code):
    problem = caller.put(given)
    assert (problem["status"], problem["errors"][0]["field"], problem["errors"][0]["code"]) == (400, field, code)
    assert api.log == []


def test_the_call_carries_the_sender_and_the_key(caller, api):
    api.expect_request("/api/v1/orders", "POST").respond_with_json({}, status=201)
    given = message()
    assert caller.put(given) is None
    ((request, _),) = api.log
    assert (request.headers["Authorization"], request.headers["Idempotency-Key"]) == ("Bearer x", given.id)
    assert (request.headers["X-Request-ID"], request.json) == (given.id, {"items": []})


@pytest.mark.parametrize(
    ("status", "headers", "away"),
    [
        (503, {}, True),
        (502, {}, True),
        (500, {}, False),
        (429, {"Retry-After": "3"}, False),
        (409, {"Retry-After": "1"}, False),
    ],
)
def test_what_may_yet_come_about_is_put_again(caller, api, status, headers, away):
    api.expect_request("/api/v1/orders").respond_with_json({"code": "x"}, status=status, headers=headers)
    later = caller.put(message())
    assert isinstance(later, Later)
    assert (later.is_away, later.pause_s) == (away, float(headers.get("Retry-After", calls.FIRST_PAUSE_S)))


def test_an_api_that_is_away_is_waited_for_and_one_that_refuses_is_not(settings, monkeypatch):
    settings.COMMANDS_API, settings.COMMANDS = f"http://127.0.0.1:{hold_port()}", ["order.place"]
    caller, patience = Caller(), Patience()
    away = caller.put(message())
    caller.close()
    assert (away.is_away, away.problem["status"]) == (True, 503)
    monkeypatch.setattr(calls, "PATIENCE_S", -1.0)
    assert [patience.wait_s(away) for _ in range(3)] == [0.5, 1.0, 2.0]
    assert patience.wait_s(Later(1.0, False, {})) is None


def test_what_is_nested_too_deeply_is_refused_and_kept_as_text(caller, api):
    """What reads it would run out of stack; the same message would come again for ever."""
    deep = b'{"type":"order.place","data":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    given = message(deep)
    problem = caller.put(given)
    assert (problem["status"], problem["code"], api.log) == (400, "parse_error", [])
    assert msgspec.json.decode(write_refusal(given, problem))["command"] == deep[:1000].decode()


@pytest.mark.parametrize(
    "problem",
    [
        {"detail": "Too large."},
        {"detail": "x" * 900_000},
        {"detail": "Wrong.", "errors": [{"field": "x" * 900_000, "code": "unknown_field"}] * 30, "owl": "x" * 900_000},
    ],
)
@pytest.mark.parametrize(
    "body", [b'{"type":"order.place","data":{}}', b'"' + b"\x7f" * 1_500_000 + b'"', b"\0" * 900_000]
)
def test_a_refusal_is_small_enough_for_any_broker(problem, body):
    """One that is not is never written, and its command comes again for ever."""
    written = write_refusal(message(body), {"status": 400, "code": "invalid", **problem})
    assert len(written) < 200_000
    told = msgspec.json.decode(written)
    assert (told["code"], told["detail"]) == ("invalid", problem["detail"][:1000])
    if len(body) > 200_000:
        assert told["command"] == body[:1000].decode()


@pytest.mark.parametrize("error", [httpx2.LocalProtocolError("x"), httpx2.InvalidURL("x"), UnicodeError("x")])
def test_what_http_cannot_carry_is_refused_and_not_waited_for(caller, monkeypatch, error):
    """To wait for ever would stop every command behind it."""

    def post(*_args, **_options):
        raise error

    monkeypatch.setattr(caller.client, "post", post)
    problem = caller.put(message())
    assert (problem["status"], problem["errors"][0]["code"]) == (400, "invalid")


def test_an_id_of_kafka_is_cut_to_one_that_is_too_long(caller, api):
    """It stands in the key, a header and the body of the refusal, and no broker sets it a limit."""

    class Record:
        def headers(self):
            return [("id", b"x" * 900_000)]

        def value(self):
            return msgspec.json.encode(PLACE)

    given = kafka._read(Record())
    assert (len(given.id), caller.put(given)["errors"][0]["field"], api.log) == (256, "message_id", [])


@pytest.mark.parametrize("broker", ["rabbitmq", "kafka"])
def test_a_reader_that_breaks_off_is_counted(monkeypatch, broker):
    stopping = threading.Event()

    class Broken:
        has_obeyed = False

        def __init__(self, *_given):
            pass

        def run(self):
            stopping.set()
            raise ConnectionError

        def close(self):
            pass

    def counted():
        return calls.INTERRUPTED.labels(broker)._value.get()

    module, given = {"rabbitmq": (rabbit, ("amqp://x",)), "kafka": (kafka, ("x", {}))}[broker]
    monkeypatch.setattr(module, "Consumer", Broken)
    before = counted()
    module.consume(*given, stopping)
    assert counted() == before + 1


@pytest.mark.parametrize(
    ("url", "commands", "told"),
    [
        ("", ["order.place"], "AUTOSALON_KAFKA_SERVERS"),
        ("amqp://x", [], "order.place"),
        ("amqp://x", ["a.b"], "no a.b"),
    ],
)
def test_the_process_does_not_start_without_its_settings(settings, url, commands, told):
    settings.STREAM_URL, settings.KAFKA_SERVERS, settings.COMMANDS = url, "", commands
    with pytest.raises(CommandError, match=told):
        call_command("consume_stream")


# With a real broker -------------------------------------------------------------------------------------------------
class Partner:
    """Publishes commands, and sees what was refused."""

    def __init__(self, node: Rabbit) -> None:
        self.url = node.url
        with kombu.Connection(self.url) as connection:
            channel = connection.channel()
            for queue in (rabbit.QUEUE, rabbit.REFUSED):
                channel.queue_delete(queue)
            exchange = kombu.Exchange(rabbit.EXCHANGE, type="topic", durable=True)
            kombu.Queue(rabbit.QUEUE, exchange, routing_key="#", durable=True)(channel).declare()
            kombu.Queue(rabbit.REFUSED, durable=True)(channel).declare()

    def publish(self, body, *, token="", **given):
        with kombu.Connection(self.url) as connection:
            connection.Producer(connection.channel()).publish(
                body if isinstance(body, bytes) else msgspec.json.encode(body),
                exchange=rabbit.EXCHANGE,
                routing_key="partner",
                headers={"Authorization": f"Bearer {token}"} if token else {},
                **({"message_id": str(uuid7()), "content_type": "application/json"} | given),
            )

    def waiting(self, queue=rabbit.QUEUE):
        with kombu.Connection(self.url) as connection:
            return connection.channel().queue_declare(queue, passive=True).message_count

    def refused(self):
        found = []
        with kombu.Connection(self.url) as connection:
            queue = kombu.Queue(rabbit.REFUSED)(connection.channel())
            while (one := queue.get(no_ack=True)) is not None:
                found.append(one)
        return found


@pytest.fixture
def partner(rabbit):
    return Partner(rabbit)


class Obeying:
    """The consumer, as the process runs it."""

    def __init__(self, url):
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=rabbit.consume, args=(url, self.stopping))

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


@pytest.mark.proof
def test_a_refused_command_is_kept_with_its_reason_and_without_its_token(partner, api):
    problem = {"status": 409, "code": "price_changed", "detail": "It costs more now."}
    api.expect_request("/api/v1/orders").respond_with_json(problem, status=409)
    with Obeying(partner.url):
        partner.publish(PLACE, token="secret-token", message_id="one")
        partner.publish(b"not json", token="secret-token", message_id="two")
        found = []
        wait(lambda: found.extend(partner.refused()) or len(found) == 2)
    first, second = (msgspec.json.decode(one.body) for one in found)
    assert first == problem | {"message_id": "one", "command": PLACE}
    assert (second["code"], second["message_id"], second["command"]) == ("validation_error", "two", "not json")
    assert {(one.content_type, one.properties["delivery_mode"]) for one in found} == {("application/problem+json", 2)}
    assert "secret-token" not in str([(one.body, one.headers, one.properties) for one in found])
    assert partner.waiting() == 0


@pytest.mark.proof
def test_a_command_that_waits_is_somebody_elses_after_a_stop(partner, api):
    api.expect_ordered_request("/api/v1/orders").respond_with_json({}, status=503)
    with Obeying(partner.url):
        partner.publish(PLACE)
        wait(lambda: api.log)
    wait(lambda: partner.waiting() == 1)
    api.clear()
    api.expect_request("/api/v1/orders").respond_with_json({}, status=201)
    with Obeying(partner.url):
        wait(lambda: api.log)
        wait(lambda: partner.waiting() == 0)
    assert partner.refused() == []


@pytest.mark.proof
@pytest.mark.django_db(databases=["accounts", "catalog", "orders", "payments"], transaction=True)
def test_a_partner_orders_once_and_may_do_what_its_token_may(partner, settings):
    buyer, body = uuid7(), {"items": [{"product_id": str(make.product(available=5)), "quantity": 1}]}
    command, settings.COMMANDS = {"type": "order.place", "data": body}, ["order.place", "order.cancel"]
    with Web() as web:
        settings.COMMANDS_API = f"http://127.0.0.1:{web.port}"
        with Obeying(partner.url):
            for _ in range(2):
                partner.publish(command, token=token_for(buyer, "client"), message_id="order-7")
            partner.publish(command)
            wait(lambda: Order.objects.exists() and partner.waiting(rabbit.REFUSED) == 1)
            order = Order.objects.get()
            cancel = {"type": "order.cancel", "data": {"order_id": str(order.id), "reason": "mistake"}}
            partner.publish(cancel, token=token_for(uuid7(), "client"))
            wait(lambda: partner.waiting(rabbit.REFUSED) == 2)
            partner.publish(cancel, token=token_for(buyer, "client"))
            wait(lambda: Order.objects.get().status == "cancelled")
        refused = [msgspec.json.decode(one.body) for one in partner.refused()]
    assert [(one["status"], one["code"]) for one in refused] == [(401, "not_authenticated"), (404, "not_found")]
    assert (Order.objects.get().customer_id, Order.objects.count()) == (buyer, 1)
