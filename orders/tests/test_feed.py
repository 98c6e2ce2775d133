"""The live feed: who may listen, what comes first, that nothing is missing or told twice."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from config.sockets import websockets
from core.ids import uuid7
from core.testing import Socket, token_for
from gateway import guard
from gateway.principal import read_token
from gateway.tickets import issue_ticket, redeem_ticket
from messaging import feed, relay
from messaging import hub as hub_module
from orders import consumers
from orders import feed as order_feed
from orders.tests import answers, make
from orders.tests.answers import hear

pytestmark = pytest.mark.django_db(databases=["orders", "catalog"], transaction=True)


@pytest.fixture(autouse=True)
def _fresh_hub(monkeypatch):
    """A hub and a pool of each test's own, since each has its own loop and its own rows."""
    pool = ThreadPoolExecutor(max_workers=1)
    monkeypatch.setattr(hub_module, "_pool", pool)
    monkeypatch.setattr(hub_module, "_hubs", {})
    yield
    pool.submit(connections.close_all).result()
    pool.shutdown()


async def in_thread(function, *arguments, **options):
    return await asyncio.to_thread(lambda: _closing(function, *arguments, **options))


def _closing(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    finally:
        connections.close_all()


def ticket(user, *roles):
    return issue_ticket(read_token(token_for(user, *roles)))


async def opened(path, subprotocols=None):
    socket = Socket(websockets, path, subprotocols)
    return socket, await socket.connect()


def relayed():
    feed.broadcast("orders", relay.sequence("orders"))


async def test_a_snapshot_first_then_each_change_in_order():
    order = await in_thread(make.order)
    socket, _ = await opened(f"/ws/orders/{order.id}/?ticket={await in_thread(ticket, order.customer_id)}")
    (snapshot,) = await socket.hear()
    assert (snapshot["type"], snapshot["seq"], snapshot["order"]["status"]) == ("snapshot", 1, "created")
    await in_thread(lambda: hear(answers.reserved(order)))
    await in_thread(lambda: hear(answers.paid(order, by_saga=False)))
    await in_thread(relayed)
    changes = await socket.hear(2)
    assert [(change["seq"], change["previous"], change["status"]) for change in changes] == [
        (2, "created", "awaiting_payment"),
        (3, "awaiting_payment", "paid"),
    ]
    assert changes[0]["type"] == "order.status"
    assert changes[0]["order_id"] == str(order.id)
    await socket.disconnect()


async def test_what_was_missed_comes_first():
    order = await in_thread(make.order)
    await in_thread(lambda: hear(answers.reserved(order)))
    await in_thread(relayed)
    user = order.customer_id
    socket, _ = await opened(f"/ws/orders/{order.id}?since=0&ticket={await in_thread(ticket, user)}")
    assert [change["seq"] for change in await socket.hear(2)] == [1, 2]
    await socket.say({"type": "resume", "since": 1})
    assert [change["seq"] for change in await socket.hear()] == [2]
    await socket.disconnect()


async def test_a_lost_broadcast_is_repaired_from_the_database():
    order = await in_thread(make.order)
    socket, _ = await opened(f"/ws/orders/{order.id}/?ticket={await in_thread(ticket, order.customer_id)}")
    await socket.hear()
    await in_thread(lambda: hear(answers.reserved(order)))
    await in_thread(lambda: relay.sequence("orders"))
    (change,) = await socket.hear()
    assert (change["seq"], change["status"]) == (2, "awaiting_payment")
    await socket.disconnect()


async def test_a_reader_that_does_not_keep_up_is_cut_off(monkeypatch):
    async def stuck(self):
        await asyncio.Event().wait()

    monkeypatch.setattr(consumers, "QUEUE", 2)
    monkeypatch.setattr(consumers.FeedConsumer, "_send_queued", stuck)
    order = await in_thread(make.order)
    await in_thread(lambda: hear(answers.reserved(order)))
    await in_thread(lambda: hear(answers.paid(order, by_saga=False)))
    await in_thread(relayed)
    socket, _ = await opened(f"/ws/orders/{order.id}?since=0&ticket={await in_thread(ticket, order.customer_id)}")
    assert await socket.closing_code() == 4408


async def test_a_manager_follows_every_order_by_position():
    manager = uuid7()
    await in_thread(make.order)
    await in_thread(relayed)
    socket, _ = await opened(f"/ws/manager/?since=0&ticket={await in_thread(ticket, manager, 'manager')}")
    (first,) = await socket.hear()
    second = await in_thread(make.order)
    await in_thread(relayed)
    (change,) = await socket.hear()
    assert change["order_id"] == str(second.id)
    assert change["position"] > first["position"]
    await socket.disconnect()


async def test_a_client_hears_of_its_own_orders_only():
    order = await in_thread(make.order)
    socket, _ = await opened(f"/ws/orders/?ticket={await in_thread(ticket, order.customer_id)}")
    (snapshot,) = await socket.hear()
    assert [item["order"]["id"] for item in snapshot["order"]] == [str(order.id)]
    await in_thread(make.order)
    await in_thread(lambda: hear(answers.reserved(order)))
    await in_thread(relayed)
    (change,) = await socket.hear()
    assert change["order_id"] == str(order.id)
    assert await socket.receive_nothing(timeout=0.2)
    await socket.disconnect()


@pytest.mark.parametrize(
    ("path", "roles", "code"),
    [
        ("/ws/orders/", None, 4401),
        ("/ws/orders/{order}/", None, 4401),
        ("/ws/orders/{order}/", ["client"], 4404),
        ("/ws/orders/01a1fc70-dd18-7198-bbe5-abc6544c95c1/", ["client"], 4404),
        ("/ws/manager/", ["client"], 4403),
        ("/ws/nowhere/", ["client"], 4404),
    ],
)
async def test_who_may_not_listen_is_told_why(path, roles, code):
    order = await in_thread(make.order)
    address = path.format(order=order.id)
    if roles:
        address += f"?ticket={await in_thread(ticket, uuid7(), *roles)}"
    socket, _ = await opened(address)
    assert await socket.closing_code() == code


async def test_a_token_may_come_as_a_subprotocol_and_only_the_scheme_is_echoed():
    order = await in_thread(make.order)
    token = token_for(order.customer_id)
    socket, subprotocol = await opened(f"/ws/orders/{order.id}/", subprotocols=["bearer", token])
    assert subprotocol == "bearer"
    assert (await socket.hear())[0]["type"] == "snapshot"
    await socket.disconnect()
    forged, _ = await opened(f"/ws/orders/{order.id}/", subprotocols=["bearer", token[:-4] + "AAAA"])
    assert await forged.closing_code() == 4401


async def test_an_expired_token_ends_the_socket():
    order = await in_thread(make.order)
    token = token_for(order.customer_id, exp=int(time.time()) + 2)
    socket, _ = await opened(f"/ws/orders/{order.id}/", subprotocols=["bearer", token])
    assert await socket.closing_code() == 4401


async def test_signing_out_ends_the_socket():
    order = await in_thread(make.order)
    token = token_for(order.customer_id)
    principal = read_token(token)
    socket, _ = await opened(f"/ws/orders/{order.id}/", subprotocols=["bearer", token])
    await socket.hear()
    await in_thread(guard.revoke_token, principal.jti, principal.expires_at)
    assert await socket.closing_code() == 4401


async def test_a_ticket_is_good_once():
    given = await in_thread(ticket, uuid7())
    assert await in_thread(redeem_ticket, given) is not None
    assert await in_thread(redeem_ticket, given) is None


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("{", "malformed"),
        ("[1]", "malformed"),
        ("x" * 5000, "malformed"),
        ('{"type": "shout"}', "unknown_type"),
        ('{"type": "resume", "since": "yesterday"}', "invalid_since"),
        ('{"type": "resume", "since": -1}', "invalid_since"),
        ('{"type": "resume", "since": true}', "invalid_since"),
    ],
)
async def test_nonsense_gets_an_error_and_the_socket_lives(said, code):
    order = await in_thread(make.order)
    socket, _ = await opened(f"/ws/orders/{order.id}/?ticket={await in_thread(ticket, order.customer_id)}")
    await socket.hear()
    await socket.say(said)
    assert (await socket.hear())[0] == {"type": "error", "code": code}
    await socket.say({"type": "ping"})
    assert (await socket.hear())[0] == {"type": "pong"}
    await socket.disconnect()


async def test_a_flood_is_cut_off():
    order = await in_thread(make.order)
    socket, _ = await opened(f"/ws/orders/{order.id}/?ticket={await in_thread(ticket, order.customer_id)}")
    for _ in range(30):
        await socket.say({"type": "ping"})
    assert await socket.closing_code() == 4429


async def test_too_far_behind_means_a_snapshot(monkeypatch):
    monkeypatch.setattr(order_feed, "MAX_BEHIND", 1)
    order = await in_thread(make.order)
    await in_thread(lambda: hear(answers.reserved(order)))
    socket, _ = await opened(f"/ws/orders/{order.id}/?since=0&ticket={await in_thread(ticket, order.customer_id)}")
    first, second = await socket.hear(2)
    assert first == {"type": "resync_required"}
    assert (second["type"], second["seq"]) == ("snapshot", 2)
    await socket.disconnect()
