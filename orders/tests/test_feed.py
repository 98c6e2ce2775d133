"""The live feed by WebSocket: who may listen, what comes first, that nothing is missing or told twice."""

import asyncio
import time
from datetime import timedelta

import pytest
from django.db import connections

from core.ids import uuid7
from core.testing import token_for
from gateway.access.tickets import redeem_ticket
from gateway.guards import guard
from gateway.principal import read_token
from messaging.feeds import live
from orders.queries import feed as order_feed
from orders.tests import answers, make
from orders.tests.answers import receive
from orders.tests.live import fresh_hub, in_thread, opened, opened_by, placed, relayed, ticket

pytestmark = pytest.mark.django_db(databases=["orders", "catalog"], transaction=True)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    with fresh_hub(monkeypatch):
        yield


async def test_a_snapshot_first_then_each_change_in_order():
    order = await in_thread(make.order)
    socket, _ = await opened(f"/ws/orders/{order.id}/?ticket={await in_thread(ticket, order.customer_id)}")
    (snapshot,) = await socket.receive()
    assert (snapshot["type"], snapshot["seq"], snapshot["order"]["status"]) == ("snapshot", 1, "created")
    await in_thread(lambda: receive(answers.reserved(order)))
    await in_thread(lambda: receive(answers.paid(order, by_saga=False)))
    await in_thread(relayed)
    changes = await socket.receive(2)
    assert [(change["seq"], change["previous"], change["status"]) for change in changes] == [
        (2, "created", "awaiting_payment"),
        (3, "awaiting_payment", "paid"),
    ]
    assert changes[0]["type"] == "order.status"
    assert changes[0]["order_id"] == str(order.id)
    await socket.disconnect()


async def test_what_was_missed_comes_first():
    order = await in_thread(make.order)
    await in_thread(lambda: receive(answers.reserved(order)))
    await in_thread(relayed)
    user = order.customer_id
    socket, _ = await opened(f"/ws/orders/{order.id}?since=0&ticket={await in_thread(ticket, user)}")
    assert [change["seq"] for change in await socket.receive(2)] == [1, 2]
    await socket.say({"type": "resume", "since": 1})
    assert [change["seq"] for change in await socket.receive()] == [2]
    await socket.disconnect()


async def test_a_lost_broadcast_is_repaired_from_the_database():
    order = await in_thread(make.order)
    socket, _ = await opened(f"/ws/orders/{order.id}/?ticket={await in_thread(ticket, order.customer_id)}")
    await socket.receive()
    await in_thread(lambda: receive(answers.reserved(order)))
    await in_thread(placed)
    (change,) = await socket.receive()
    assert (change["seq"], change["status"]) == (2, "awaiting_payment")
    await socket.disconnect()


async def test_a_manager_follows_every_order_by_position():
    manager = uuid7()
    await in_thread(make.order)
    await in_thread(relayed)
    socket, _ = await opened(f"/ws/manager/?since=0&ticket={await in_thread(ticket, manager, 'manager')}")
    (first,) = await socket.receive()
    second = await in_thread(make.order)
    await in_thread(relayed)
    (change,) = await socket.receive()
    assert change["order_id"] == str(second.id)
    assert change["position"] > first["position"]
    await socket.disconnect()


async def test_a_client_hears_of_its_own_orders_only():
    order = await in_thread(make.order)
    socket, _ = await opened(f"/ws/orders/?ticket={await in_thread(ticket, order.customer_id)}")
    (snapshot,) = await socket.receive()
    assert [item["order"]["id"] for item in snapshot["order"]] == [str(order.id)]
    await in_thread(make.order)
    await in_thread(lambda: receive(answers.reserved(order)))
    await in_thread(relayed)
    (change,) = await socket.receive()
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
    assert (await socket.receive())[0]["type"] == "snapshot"
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
    await socket.receive()
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
    await socket.receive()
    await socket.say(said)
    assert (await socket.receive())[0] == {"type": "error", "code": code}
    await socket.say({"type": "ping"})
    assert (await socket.receive())[0] == {"type": "pong"}
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
    await in_thread(lambda: receive(answers.reserved(order)))
    socket, _ = await opened(f"/ws/orders/{order.id}/?since=0&ticket={await in_thread(ticket, order.customer_id)}")
    first, second = await socket.receive(2)
    assert first == {"type": "resync_required"}
    assert (second["type"], second["seq"]) == ("snapshot", 2)
    await socket.disconnect()


def age_events(by):
    """Let everything in the log have happened long ago."""
    with connections["orders"].cursor() as cursor:
        cursor.execute("UPDATE messaging_outbox SET created_at = created_at - %s", [by])


async def test_beyond_what_is_kept_means_a_snapshot_and_zero_still_means_everything():
    order = await in_thread(make.order)
    await in_thread(lambda: receive(answers.reserved(order)))
    await in_thread(relayed)
    await in_thread(age_events, timedelta(hours=73))
    late = await opened_by(order.customer_id, f"/ws/orders/{order.id}?since=1")
    assert [message["type"] for message in await late.receive(2)] == ["resync_required", "snapshot"]
    whole = await opened_by(order.customer_id, f"/ws/orders/{order.id}?since=0")
    assert [message["seq"] for message in await whole.receive(2)] == [1, 2]
    for socket in (late, whole):
        await socket.disconnect()


@pytest.mark.parametrize("path", ["/ws/orders/{id}/?since=99", "/ws/orders/?since=999999999"])
async def test_a_number_of_another_life_of_the_log_means_a_snapshot_and_no_silence(path):
    order = await in_thread(make.order)
    await in_thread(relayed)
    socket = await opened_by(order.customer_id, path.format(id=order.id))
    first, second = await socket.receive(2)
    assert (first["type"], second["type"]) == ("resync_required", "snapshot")
    await in_thread(lambda: receive(answers.reserved(order)))
    await in_thread(relayed)
    assert (await socket.receive())[0]["seq"] == 2
    await socket.disconnect()


def drop_the_beginning():
    with connections["orders"].cursor() as cursor:
        cursor.execute(
            """DELETE FROM messaging_outbox WHERE position <=
               (SELECT min(position) FROM messaging_outbox WHERE aggregate = 'order')"""
        )


async def test_a_log_without_its_beginning_is_never_replayed_with_a_hole():
    order = await in_thread(make.order)
    await in_thread(lambda: receive(answers.reserved(order)))
    await in_thread(relayed)
    await in_thread(drop_the_beginning)
    for path in (f"/ws/orders/{order.id}/?since=0", "/ws/orders/?since=0"):
        socket = await opened_by(order.customer_id, path)
        assert [message["type"] for message in await socket.receive(2)] == ["resync_required", "snapshot"]
        await socket.disconnect()


def lower_head():
    with connections["orders"].cursor() as cursor:
        cursor.execute("UPDATE messaging_feed_head SET position = 0")


async def test_a_restored_log_sends_everybody_back_to_the_beginning():
    order = await in_thread(make.order)
    await in_thread(relayed)
    socket = await opened_by(order.customer_id, f"/ws/orders/{order.id}/")
    await socket.receive()
    await in_thread(lower_head)
    assert await socket.closing_code() == 1012


async def test_three_hundred_missed_changes_are_no_slow_reader(monkeypatch):
    """More than the queue of a live socket holds: replay is paced by the reader, not by the queue."""
    monkeypatch.setattr(live, "QUEUE", 2)
    orders = await in_thread(lambda: [make.order() for _ in range(12)])
    await in_thread(relayed)
    socket = await opened_by(uuid7(), "/ws/orders/?since=0", "manager")
    assert [message["order_id"] for message in await socket.receive(12)] == [str(order.id) for order in orders]
    await socket.disconnect()


async def test_a_reader_that_does_not_keep_up_is_cut_off_and_can_resume(monkeypatch):
    monkeypatch.setattr(live, "QUEUE", 2)
    user = uuid7()
    orders = await in_thread(lambda: [make.order(customer_id=user) for _ in range(4)])
    await in_thread(relayed)
    socket = await opened_by(user, "/ws/orders/")
    (snapshot,) = await socket.receive()
    for order in orders:
        await in_thread(lambda order=order: receive(answers.reserved(order)))
    await in_thread(relayed)
    assert await socket.closing_code() == 4408
    again = await opened_by(user, f"/ws/orders/?since={snapshot['position']}")
    assert [message["order_id"] for message in await again.receive(4)] == [str(order.id) for order in orders]
    await again.disconnect()


async def test_one_user_has_so_many_sockets_and_others_have_theirs(settings):
    settings.STREAMS_PER_USER = 2
    user = uuid7()
    first, second = [await opened_by(user, "/ws/orders/") for _ in range(2)]
    for socket in (first, second):
        await socket.receive()
    third = await opened_by(user, "/ws/orders/")
    assert await third.closing_code() == 4429
    other = await opened_by(uuid7(), "/ws/orders/")
    assert (await other.receive())[0]["type"] == "snapshot"
    await first.disconnect()
    again = await opened_by(user, "/ws/orders/")
    assert (await again.receive())[0]["type"] == "snapshot"
    for socket in (second, other, again):
        await socket.disconnect()


@pytest.mark.parametrize(
    ("origin", "is_welcome"),
    [("", True), ("http://testserver", True), ("https://partner.example", True),
     ("http://evil.example", False), ("null", False), ("http://testserver.evil.example", False)],
)  # fmt: skip
async def test_pages_of_strangers_stay_out(origin, is_welcome, settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://partner.example"]
    given = await in_thread(ticket, uuid7())
    socket, _ = await opened(f"/ws/orders/?ticket={given}", origin=origin)
    if is_welcome:
        assert (await socket.receive())[0]["type"] == "snapshot"
        await socket.disconnect()
    else:
        assert await socket.closing_code() == 4403
        assert await in_thread(redeem_ticket, given) is not None, "a stranger used up the ticket"


async def test_a_page_without_transport_security_opens_none_where_the_site_has_it(settings):
    settings.PUBLIC_URL = "https://testserver"
    given = await in_thread(ticket, uuid7())
    stranger, _ = await opened(f"/ws/orders/?ticket={given}", origin="http://testserver")
    assert await stranger.closing_code() == 4403
    socket, _ = await opened(f"/ws/orders/?ticket={given}", origin="https://testserver")
    assert (await socket.receive())[0]["type"] == "snapshot"
    await socket.disconnect()


async def test_a_token_offered_alone_is_never_echoed():
    token = token_for(uuid7())
    socket, subprotocol = await opened("/ws/orders/", subprotocols=[token])
    assert subprotocol is None
    assert await socket.closing_code() == 4401


async def test_what_happens_between_the_snapshot_and_its_place_in_the_log_is_told_once():
    user = uuid7()
    order = await in_thread(make.order, customer_id=user)
    opening = asyncio.ensure_future(opened_by(user, "/ws/orders/"))
    socket = await opening
    await in_thread(relayed)
    (snapshot,) = await socket.receive()
    assert [item["seq"] for item in snapshot["order"]] == [1]
    assert await socket.receive_nothing(timeout=0.2)
    await socket.disconnect()
    again = await opened_by(user, f"/ws/orders/?since={snapshot['position']}")
    await in_thread(lambda: receive(answers.reserved(order)))
    await in_thread(relayed)
    assert (await again.receive())[0]["seq"] == 2, "the snapshot held it already"
    await again.disconnect()


async def test_the_database_alone_drives_the_feed_while_valkey_is_away(monkeypatch):
    class NoLayer:
        async def new_channel(self):
            raise ConnectionError("away")

    order = await in_thread(make.order)
    await in_thread(relayed)
    given = await in_thread(ticket, order.customer_id)
    monkeypatch.setattr("messaging.feeds.hub.get_channel_layer", NoLayer)
    socket, _ = await opened(f"/ws/orders/{order.id}/?ticket={given}")
    await socket.receive()
    await in_thread(lambda: receive(answers.reserved(order)))
    await in_thread(placed)
    assert (await socket.receive())[0]["seq"] == 2
    await socket.disconnect()
