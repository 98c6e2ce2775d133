"""A purchase is one trace, from the request over outbox, relay and workers to the bank; and costs nothing when off."""

import os
import re
import subprocess
import sys
import time
from decimal import Decimal

import pytest
from django.conf import settings as django_settings
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import catalog.tests.make
from config.databases import APPS
from core import context
from core.ids import uuid7
from core.outside.asking import QuestionAsked
from core.running import traces
from core.testing import Api
from messaging.delivery.dispatcher import Apart, Claimed
from messaging.feeds import feed
from messaging.testing import drain_outbox
from messaging.transport import relay
from orders.tests.live import fresh_hub, in_thread, opened_by
from payments.tests.conftest import running_sandbox, sandbox

__all__ = ["running_sandbox", "sandbox"]
pytestmark = pytest.mark.django_db(databases=[*APPS], transaction=True)
PICTURE = django_settings.BASE_DIR / "docs" / "img" / "trace-purchase.svg"
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    traces.begin(exporter)
    yield exporter.get_finished_spans
    traces.end()


def place(buyer=None, **headers):
    car = catalog.tests.make.product(stock=10, price=Decimal(1_500_000))
    card = {"method": "card", "token": "tok_success"}
    body = {"items": [{"product_id": str(car.id), "quantity": 1}], "payment": card}
    drain_outbox()
    placed = Api("client", user_id=buyer or uuid7()).post("/orders", body, **headers)
    assert placed.status_code == 201, placed.json()
    return placed


def buy(**headers):
    placed = place(**headers)
    drain_outbox()
    return placed


def test_a_purchase_is_one_trace_from_the_request_to_the_bank(spans, running_sandbox):
    answer = buy(traceparent=f"00-{TRACE}-{CALLER}-01")
    found = [span for span in spans() if f"{span.context.trace_id:032x}" == TRACE]
    by_id = {f"{span.context.span_id:016x}": span for span in found}
    (request,) = [span for span in found if span.name == "POST /api/v1/orders"]
    assert f"{request.parent.span_id:016x}" == CALLER
    assert request.attributes["status"] == 201
    assert request.attributes["request_id"] == answer["X-Request-ID"]
    for span in found:
        assert span is request or f"{span.parent.span_id:016x}" in by_id, f"{span.name} hangs in the air"
    assert {"relay orders to catalog", "relay catalog to orders", "handle orders.checkout", "call payments.charge"} <= {
        span.name for span in found
    }
    (charge,) = [span for span in found if span.name == "call payments.charge"]
    names, span = [], charge
    while span is not request:
        span = by_id[f"{span.parent.span_id:016x}"]
        names.append(span.name.partition(" ")[0])
    assert names == [*["handle", "relay"] * 3, "POST"], "order, stock, order, payment: each heard of by relay"


async def test_the_trace_goes_on_to_the_sockets_that_are_told(spans, running_sandbox, monkeypatch):
    buyer, place_events = uuid7(), relay.sequence
    monkeypatch.setattr(relay, "sequence", lambda source: broadcast(source, place_events(source)))
    with fresh_hub(monkeypatch):
        socket = await opened_by(buyer, "/ws/orders/")
        silent = await opened_by(uuid7(), "/ws/orders/")
        await socket.receive(), await silent.receive()
        await in_thread(place, buyer, traceparent=f"00-{TRACE}-{CALLER}-01")
        await in_thread(drain_outbox)
        told = [change["status"] for change in await socket.receive(3)]
        assert told == ["created", "awaiting_payment", "paid"]
        await socket.disconnect(), await silent.disconnect()
    found = [span for span in spans() if f"{span.context.trace_id:032x}" == TRACE]
    by_id = {f"{span.context.span_id:016x}": span for span in found}
    pushed = sorted((span for span in found if span.name == "feed.push"), key=lambda span: span.start_time)
    assert [dict(span.attributes) for span in pushed] == [{"feed": "orders", "by": "socket"}] * 3
    causes = [by_id[f"{span.parent.span_id:016x}"].name for span in pushed]
    assert causes == ["relay orders to feed"] * 3
    kinds = {span.name.partition(" ")[0] for span in found}
    assert kinds == {"POST", "relay", "handle", "call", "feed.push"}, "HTTP, outbox, relay, worker, provider, feed"
    assert all(f"{span.parent.span_id:016x}" in {*by_id, CALLER} for span in found), "one tree"
    drawn = set(re.findall(r'<text class="ink" [^>]*font-size="11">([^<]+)</text>', PICTURE.read_text()))
    assert drawn == {span.name for span in found}, "draw it anew: make watch-pictures"


def broadcast(source, placed):
    """Tell the feed what was placed, as the relay does after each page."""
    feed.broadcast(source, placed)
    return placed


def test_the_relays_span_is_the_way_from_the_outbox(spans, running_sandbox):
    buy()
    relayed = [span for span in spans() if span.name == "relay orders to catalog"]
    assert relayed
    for span in relayed:
        assert 0 <= span.end_time - span.start_time < 300 * 10**9
        assert span.attributes["event"]


def fail_inside(error):
    with traces.span("handle x", {}):
        raise error


def test_a_handler_that_fails_is_marked_and_nothing_that_it_says_is_told(spans):
    said = "Key (email)=(ivan@example.com) already exists."
    with pytest.raises(ValueError, match="already exists"):
        fail_inside(ValueError(said))
    (span,) = spans()
    assert (span.status.status_code.name, span.status.description) == ("ERROR", "ValueError")
    assert span.events == ()
    assert "ivan" not in span.to_json()


@pytest.mark.parametrize("turned_back", [QuestionAsked("client", dict), Apart(), Claimed()])
def test_work_that_begins_again_is_no_error(spans, turned_back):
    with pytest.raises(type(turned_back)):
        fail_inside(turned_back)
    (span,) = spans()
    assert (span.status.status_code.name, span.events) == ("UNSET", ())


def test_what_nobody_traced_stays_untraced(spans):
    assert traces.pass_on("relay a to b", uuid7(), '{"request_id": "1"}') == '{"request_id": "1"}'
    assert not spans()


def test_a_share_of_none_traces_only_for_those_who_ask(settings, running_sandbox):
    settings.TRACES_SHARE = "0"
    exporter = InMemorySpanExporter()
    traces.begin(exporter)
    try:
        Api().get("/categories")
        assert not exporter.get_finished_spans()
        Api().get("/categories", traceparent=f"00-{TRACE}-{CALLER}-01")
        assert [span.name for span in exporter.get_finished_spans()] == ["GET /api/v1/categories"]
    finally:
        traces.end()


def test_off_it_costs_less_than_two_microseconds_and_changes_nothing():
    headers = {"request_id": "1"}

    def take():
        started = time.perf_counter()
        for _ in range(5000):
            with traces.span("request", headers, "server") as carried:
                pass
            traces.describe("GET /", status=200)
        assert carried is headers
        return (time.perf_counter() - started) / 5000

    assert min(take() for _ in range(5)) < 2e-6
    assert traces.pass_on("relay a to b", uuid7(), '{"traceparent": "x"}') == '{"traceparent": "x"}'
    assert context.current() == {}


WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("opentelemetry", "sentry_sdk"):
            raise ImportError(f"No module named {name!r}")
sys.meta_path.insert(0, Missing())
"""


def begin_without(script="import config.wsgi; print('up')", **environment):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + script],
        cwd=django_settings.BASE_DIR, env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_off_nothing_of_it_needs_to_be_installed():
    assert begin_without().stdout.strip() == "up"


PUSH = """
import asyncio
import config.asgi
from messaging.feeds import feed, sockets
from orders.queries.feed import FeedItem
head = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
row = {"position": 1, "seq": 1, "type": "order.status_changed", "data": "{}", "headers": head, "id": "1"}
sent = []
async def send(message):
    sent.append(message)
view = type("View", (), {"source": "orders", "topics": ("orders",)})()
stream = sockets.LiveSocket(None, view, None, send)
asyncio.run(stream._push(FeedItem(1, 1, 1, ("orders",), {}, head["traceparent"])))
print(len(sent), len(feed._pack(feed._pass_on("orders", row))), [name for name in sys.modules if "opentel" in name])
"""


def test_off_the_feed_imports_nothing_of_it_whatever_callers_say_of_their_traces():
    done = begin_without(PUSH, AUTOSALON_TRACES_URL="")
    assert done.stdout.strip() == "1 4 []", done.stderr


@pytest.mark.parametrize(
    "setting",
    [{"AUTOSALON_TRACES_URL": "http://127.0.0.1:9/v1/traces"}, {"AUTOSALON_ERRORS_DSN": "http://key@127.0.0.1:9/7"}],
)
def test_on_it_says_what_to_install(setting):
    done = begin_without(**setting)
    assert done.returncode == 1
    assert "install requirements-watch.txt" in done.stderr
    assert "Traceback" not in done.stderr
