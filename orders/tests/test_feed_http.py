"""The live feed over plain HTTP: pages of changes, and streams of server-sent events."""

import asyncio
import json

import pytest
from asgiref.testing import ApplicationCommunicator
from django.db import connections

from config.asgi import application
from core.ids import uuid7
from core.testing import Api, token_for
from gateway.guards import guard
from gateway.principal import read_token
from orders.tests import answers, make
from orders.tests.answers import receive
from orders.tests.live import fresh_hub, in_thread, relayed, ticket

pytestmark = pytest.mark.django_db(databases=["orders", "catalog"], transaction=True)
STREAM = {"Accept": "text/event-stream"}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, settings):
    settings.RATE_LIMITS_ON = False
    with fresh_hub(monkeypatch):
        yield


def moved(**options):
    """An order that was placed and reserved."""
    order = make.order(**options)
    receive(answers.reserved(order))
    return order


def test_a_client_reads_the_changes_of_its_own_orders_and_a_manager_those_of_all():
    mine, other = moved(), moved()
    relayed()
    page = Api("client", user_id=mine.customer_id).get("/orders/events?after=0").json()
    assert [(row["order_id"], row["seq"], row["status"]) for row in page["results"]] == [
        (str(mine.id), 1, "created"),
        (str(mine.id), 2, "awaiting_payment"),
    ]
    assert page["results"][0].keys() >= {"type", "position", "number", "previous", "reason", "at", "data"}
    assert (page["next"], page["previous"]) == (None, None)
    every = Api("manager").get("/orders/events").json()
    assert [row["order_id"] for row in every["results"]] == [str(mine.id)] * 2 + [str(other.id)] * 2
    of_one = Api("manager").get(f"/orders/events?order_id={other.id}").json()
    assert [(row["order_id"], row["seq"]) for row in of_one["results"]] == [(str(other.id), 1), (str(other.id), 2)]


def test_pages_follow_each_other_without_gap_or_repetition():
    for _ in range(4):
        moved()
    relayed()
    api, path, seen = Api("manager"), "/orders/events?after=0&page_size=3", []
    while path:
        page = api.get(path).json()
        assert len(page["results"]) <= 3
        seen += [row["position"] for row in page["results"]]
        path = page["next"] and page["next"].partition("/api/v1")[2]
    assert len(seen) == 8
    assert seen == sorted(set(seen))
    later = api.get(f"/orders/events?after={page['position']}").json()
    assert later == {"next": None, "previous": None, "results": [], "position": page["position"]}


def test_the_position_moves_on_past_what_is_not_ours():
    client = Api("client")
    before = client.get("/orders/events").json()["position"]
    moved()
    relayed()
    after = client.get(f"/orders/events?after={before}").json()
    assert after["results"] == []
    assert after["position"] > before


def test_what_is_not_placed_yet_is_not_told():
    order = moved()
    assert Api("client", user_id=order.customer_id).get("/orders/events").json()["results"] == []


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=1.5", "after=99999999999999999999", "page_size=0", "page_size=101",
              "page_size=x", "order_id=7", "nonsense=1"],
)  # fmt: skip
def test_bad_input_is_refused(query):
    assert Api("client").get(f"/orders/events?{query}").status_code == 400


def test_strangers_are_refused():
    order = moved()
    assert Api().get("/orders/events").status_code == 401
    assert Api("client").get(f"/orders/events?order_id={order.id}").status_code == 404
    assert Api("manager").get(f"/orders/events?order_id={uuid7()}").status_code == 404


def test_what_is_no_longer_kept_or_never_was_is_gone():
    moved()
    relayed()
    with connections["orders"].cursor() as cursor:
        cursor.execute("DELETE FROM messaging_outbox WHERE position <= 1")
    for after in (0, 10**9):
        answer = Api("manager").get(f"/orders/events?after={after}")
        assert (answer.status_code, answer.json()["code"]) == (410, "resync_required")
        assert Api("manager").get(f"/orders/events?after={answer.json()['current']}").status_code == 200


def test_fifty_changes_cost_as_many_statements_as_five(django_assert_max_num_queries):
    user = uuid7()
    for _ in range(10):
        moved(customer_id=user)
    relayed()
    with django_assert_max_num_queries(8, connection=connections["orders"]):
        Api("client", user_id=user).get("/orders/events?page_size=20")


# Streams -----------------------------------------------------------------------------------------------------------
def events_in(text):
    """(id, event, data) of each event in a stream's text."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "data" in fields:
            found.append((int(fields["id"]) if "id" in fields else None, fields["event"], json.loads(fields["data"])))
    return found


def test_without_asgi_a_stream_comes_in_slices():
    order = moved()
    relayed()
    api = Api("client", user_id=order.customer_id)
    answer = api.get("/orders/events", **STREAM)
    assert answer["Content-Type"].startswith("text/event-stream")
    assert "retry: 1000" in answer.content.decode()
    ((position, name, snapshot),) = events_in(answer.content.decode())
    assert (name, snapshot["order"][0]["seq"]) == ("snapshot", 2)
    receive(answers.paid(order, by_saga=False))
    relayed()
    later = api.get("/orders/events", **STREAM, Last_Event_ID=str(position)).content.decode()
    assert [(name, data["seq"]) for _, name, data in events_in(later)] == [("order.status", 3)]
    lost = api.get("/orders/events?after=999999", **STREAM).content.decode()
    assert [name for _, name, _ in events_in(lost)] == ["resync_required", "snapshot"]


class Stream(ApplicationCommunicator):
    """A reader of an endless answer."""

    def __init__(self, path, token="", **headers):
        bare, _, query = path.partition("?")
        sent = {"host": "testserver", "accept": "text/event-stream", **headers}
        if token:
            sent["authorization"] = f"Bearer {token}"
        scope = {
            "type": "http", "method": "GET", "path": bare, "raw_path": bare.encode(), "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()],
            "http_version": "1.1", "scheme": "http", "server": ("testserver", 80), "client": ("127.0.0.1", 1),
        }  # fmt: skip
        super().__init__(application, scope)

    async def open(self):
        await self.send_input({"type": "http.request", "body": b"", "more_body": False})
        return (await self.receive_output(timeout=10))["status"]

    async def receive(self, count=1):
        found = []
        while len(found) < count:
            message = await self.receive_output(timeout=10)
            found += events_in(message["body"].decode())
            if not message.get("more_body"):
                break
        return found

    async def leave(self):
        await self.send_input({"type": "http.disconnect"})
        await self.wait(timeout=10)


async def test_a_stream_begins_with_a_snapshot_and_resumes_by_its_last_event():
    order = await in_thread(moved)
    await in_thread(relayed)
    token = token_for(order.customer_id)
    stream = Stream("/api/v1/orders/events", token)
    assert await stream.open() == 200
    ((position, name, snapshot),) = await stream.receive()
    assert (name, snapshot["order"][0]["seq"], position) == ("snapshot", 2, snapshot["position"])
    await in_thread(lambda: receive(answers.paid(order, by_saga=False)))
    await in_thread(relayed)
    ((_, name, change),) = await stream.receive()
    assert (name, change["seq"], change["status"]) == ("order.status", 3, "paid")
    await stream.leave()
    again = Stream("/api/v1/orders/events/", token, last_event_id=str(position))
    await again.open()
    assert [(one, data["seq"]) for _, one, data in await again.receive()] == [("order.status", 3)]
    await again.leave()


async def test_a_ticket_opens_a_stream_of_one_order():
    order, other = await in_thread(moved), await in_thread(moved)
    await in_thread(relayed)
    stream = Stream(f"/api/v1/orders/events?order_id={order.id}&ticket={await in_thread(ticket, uuid7(), 'manager')}")
    assert await stream.open() == 200
    ((_, _, snapshot),) = await stream.receive()
    assert [item["order"]["id"] for item in snapshot["order"]] == [str(order.id)]
    await in_thread(lambda: receive(answers.paid(other, by_saga=False)))
    await in_thread(lambda: receive(answers.paid(order, by_saga=False)))
    await in_thread(relayed)
    assert [data["order_id"] for _, _, data in await stream.receive()] == [str(order.id)]
    await stream.leave()


async def test_signing_out_ends_a_stream():
    token = token_for(uuid7())
    stream = Stream("/api/v1/orders/events", token)
    await stream.open()
    await stream.receive()
    principal = read_token(token)
    await in_thread(guard.revoke_token, principal.jti, principal.expires_at)
    ((_, name, told),) = await stream.receive()
    assert (name, told["code"], told["reason"]) == ("end", 4401, "unauthenticated")
    await stream.leave()


async def test_anothers_order_ends_a_stream_before_it_tells_anything():
    order = await in_thread(moved)
    stream = Stream(f"/api/v1/orders/events?order_id={order.id}", token_for(uuid7()))
    await stream.open()
    assert [(name, data["code"]) for _, name, data in await stream.receive()] == [("end", 4404)]
    await stream.leave()


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("/api/v1/orders/events", "", 401),
        ("/api/v1/orders/events", "nonsense", 401),
        ("/api/v1/orders/events?ticket=spent", "", 401),
        ("/api/v1/orders/events?after=x", "good", 400),
        ("/api/v1/orders/events?nonsense=1", "good", 400),
        ("/api/v1/orders/events?order_id=7", "good", 400),
    ],
)
async def test_a_refused_stream_is_an_ordinary_answer(path, token, status):
    stream = Stream(path, token_for(uuid7()) if token == "good" else token)
    assert await asyncio.wait_for(stream.open(), 10) == status
    await stream.wait(timeout=10)
