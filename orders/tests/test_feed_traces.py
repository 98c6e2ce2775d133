"""What the live feed tells of a traced change is a span of its trace, and nothing else is."""

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from core import context
from core.ids import uuid7
from core.running import traces
from messaging.feeds import feed
from orders.tests import answers, make
from orders.tests.answers import receive
from orders.tests.live import fresh_hub, in_thread, opened_by, placed, relayed
from orders.tests.test_feed_http import Stream, token_for

pytestmark = pytest.mark.django_db(databases=["orders", "catalog"], transaction=True)
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, settings):
    settings.RATE_LIMITS_ON = False
    with fresh_hub(monkeypatch):
        yield


@pytest.fixture
def pushed():
    exporter = InMemorySpanExporter()
    traces.begin(exporter)
    yield lambda: [span for span in exporter.get_finished_spans() if span.name == "feed.push"]
    traces.end()


def reserve(order, flags):
    with context.cause(traceparent=f"00-{TRACE}-b7ad6b7169203331-{flags}"):
        receive(answers.reserved(order))


async def test_each_reader_that_is_told_is_a_span(pushed):
    order = await in_thread(make.order)
    sockets = [await opened_by(uuid7(), "/ws/manager/", "manager") for _ in range(2)]
    sockets.append(await opened_by(order.customer_id, f"/ws/orders/{order.id}/"))
    silent = await opened_by(uuid7(), "/ws/orders/")
    stream = Stream(f"/api/v1/orders/events?order_id={order.id}", token=token_for(order.customer_id))
    await stream.open()
    await stream.receive()
    for socket in [*sockets, silent]:
        await socket.receive()
    await in_thread(reserve, order, "01")
    await in_thread(relayed)
    for socket in [*sockets, stream]:
        await socket.receive()
    assert await silent.receive_nothing(timeout=0.2)
    for socket in [*sockets, silent]:
        await socket.disconnect()
    await stream.leave()
    assert {f"{span.context.trace_id:032x}" for span in pushed()} == {TRACE}
    assert sorted(span.attributes["by"] for span in pushed()) == ["socket"] * 3 + ["stream"]
    told = [span.to_json() for span in pushed()]
    for secret in (order.customer_id, order.id, order.number):
        assert not [text for text in told if str(secret) in text]


async def test_what_a_lost_broadcast_would_have_told_hangs_on_who_wrote_it(pushed):
    order = await in_thread(make.order)
    socket = await opened_by(order.customer_id, f"/ws/orders/{order.id}/")
    await socket.receive()
    await in_thread(reserve, order, "01")
    await in_thread(placed)
    await socket.receive()
    await socket.disconnect()
    assert [f"{span.parent.span_id:016x}" for span in pushed()] == ["b7ad6b7169203331"]


@pytest.mark.parametrize("flags", ["00", "02"])
async def test_what_is_not_sampled_is_pushed_without_a_span(pushed, flags, monkeypatch):
    passed = []
    monkeypatch.setattr(traces, "_pass", lambda *given: passed.append(given))
    order = await in_thread(make.order)
    socket = await opened_by(order.customer_id, f"/ws/orders/{order.id}/")
    await socket.receive()
    await in_thread(reserve, order, flags)
    await in_thread(relayed)
    await socket.receive()
    await socket.disconnect()
    assert (pushed(), passed) == ([], [])


async def test_what_a_reader_reads_up_on_is_no_span(pushed):
    order = await in_thread(make.order)
    await in_thread(reserve, order, "01")
    await in_thread(relayed)
    socket = await opened_by(order.customer_id, f"/ws/orders/{order.id}/?since=1")
    await socket.receive()
    await socket.disconnect()
    assert pushed() == []


async def test_a_reader_that_hung_up_is_marked_by_the_name_of_the_error(pushed, monkeypatch):
    from messaging.feeds.sockets import LiveSocket

    async def fail(self, text, position=None):
        if "snapshot" not in text:
            raise ConnectionResetError("ivan@example.com is gone")

    monkeypatch.setattr(LiveSocket, "transmit", fail)
    order = await in_thread(make.order)
    socket = await opened_by(order.customer_id, f"/ws/orders/{order.id}/")
    await in_thread(reserve, order, "01")
    await in_thread(relayed)
    assert await socket.closing_code() == 4408
    (span,) = pushed()
    assert (span.status.status_code.name, span.status.description, span.events) == ("ERROR", "SlowReader", ())


def test_processes_of_the_release_before_read_what_is_not_traced():
    row = feed.FeedRow(1, 1, "order.status_changed", "{}")
    assert len(feed._pack(row)) == 4
    assert feed.FeedRow(*feed._pack(row)) == row
    traced = feed.FeedRow(1, 1, "order.status_changed", "{}", f"00-{TRACE}-b7ad6b7169203331-01")
    assert feed.FeedRow(*feed._pack(traced)) == traced
