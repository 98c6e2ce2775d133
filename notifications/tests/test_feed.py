import time
from datetime import timedelta

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.testing import token_for
from gateway.guards import guard
from gateway.principal import read_token
from messaging.feeds import feed
from messaging.models import OutboxEvent
from messaging.transport import relay
from notifications import services
from notifications.models import Notification
from notifications.tests import make
from orders.tests.live import fresh_hub, in_thread, opened, opened_by

pytestmark = pytest.mark.django_db(databases=["notifications"], transaction=True)
PATH = "/ws/notifications/"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    with fresh_hub(monkeypatch):
        yield


def news(user):
    """Tell somebody something, and let the relay tell the sockets."""
    (message,) = (one for one in make.news(user) if one.channel == "in_app")
    relayed()
    return message


def read(message):
    services.read_notification(notification_id=message.id, user_id=message.user_id, now=timezone.now())
    relayed()


def relayed():
    feed.broadcast("notifications", relay.sequence("notifications"))


async def test_what_is_unread_comes_first_then_each_change():
    user = uuid7()
    first = await in_thread(news, user)
    await in_thread(read, await in_thread(news, user))
    socket = await opened_by(user, PATH)
    (snapshot,) = await socket.receive()
    assert (snapshot["type"], snapshot["seq"], snapshot["is_complete"]) == ("snapshot", 3, True)
    assert [(row["id"], row["title"]) for row in snapshot["unread"]] == [(str(first.id), first.title)]
    second = await in_thread(news, user)
    await in_thread(news, uuid7())
    await in_thread(read, first)
    told, seen = await socket.receive(2)
    assert (told["type"], told["seq"], told["notification"]["id"]) == ("notification.told", 4, str(second.id))
    assert told["notification"]["body"] == second.body
    assert (seen["type"], seen["seq"], seen["notification_id"]) == ("notification.read", 5, str(first.id))
    await socket.disconnect()


async def test_a_reader_that_was_away_hears_what_it_missed_once():
    user = uuid7()
    for _ in range(3):
        await in_thread(news, user)
    socket = await opened_by(user, f"{PATH}?since=1")
    assert [message["seq"] for message in await socket.receive(2)] == [2, 3]
    await socket.say({"type": "resume", "since": 0})
    assert [message["seq"] for message in await socket.receive(3)] == [1, 2, 3]
    await socket.disconnect()


async def test_a_reader_of_another_life_or_long_ago_is_told_anew():
    user = uuid7()
    for _ in range(2):
        await in_thread(news, user)
    ahead = await opened_by(user, f"{PATH}?since=9")
    assert [message["type"] for message in await ahead.receive(2)] == ["resync_required", "snapshot"]
    await ahead.disconnect()
    old = timezone.now() - timedelta(hours=73)
    await in_thread(lambda: OutboxEvent.objects.using("notifications").update(created_at=old))
    late = await opened_by(user, f"{PATH}?since=1")
    assert [message["type"] for message in await late.receive(2)] == ["resync_required", "snapshot"]
    await late.disconnect()


async def test_a_snapshot_with_the_messages_after_it_equals_a_fresh_one():
    user = uuid7()
    for _ in range(3):
        await in_thread(news, user)
    socket = await opened_by(user, PATH)
    known = {row["id"]: row for row in (await socket.receive())[0]["unread"]}
    changes = 0
    for number in range(6):
        message = await in_thread(news, user)
        changes += 1
        if number % 2:
            await in_thread(read, message)
            changes += 1
    for change in await socket.receive(changes):
        if change["type"] == "notification.told":
            known[change["notification"]["id"]] = change["notification"]
        else:
            del known[change["notification_id"]]
    await socket.disconnect()
    fresh = await opened_by(user, PATH)
    (snapshot,) = await fresh.receive()
    assert known == {row["id"]: row for row in snapshot["unread"]}
    await fresh.disconnect()


async def test_news_told_twice_and_read_twice_is_heard_once():
    user = uuid7()
    socket = await opened_by(user, PATH)
    await socket.receive()
    for _ in range(2):
        await in_thread(lambda: make.news(user, event_key="same"))
    message = await in_thread(lambda: Notification.objects.get(channel="in_app"))
    for _ in range(2):
        await in_thread(read, message)
    assert [change["type"] for change in await socket.receive(2)] == ["notification.told", "notification.read"]
    assert await socket.receive_nothing(timeout=0.2)
    await socket.disconnect()


async def test_more_than_a_hundred_unread_are_not_all_shown():
    user = uuid7()
    await in_thread(lambda: [make.news(user) for _ in range(102)])
    socket = await opened_by(user, PATH)
    (snapshot,) = await socket.receive()
    assert (len(snapshot["unread"]), snapshot["is_complete"], snapshot["seq"]) == (100, False, 102)
    await socket.disconnect()


async def test_who_may_not_listen_is_told_why():
    stranger, _ = await opened(PATH)
    assert await stranger.closing_code() == 4401
    forged, _ = await opened(PATH, subprotocols=["bearer", f"{token_for(uuid7())[:-4]}AAAA"])
    assert await forged.closing_code() == 4401
    limited, _ = await opened(PATH, subprotocols=["bearer", token_for(uuid7(), scope="orders:read")])
    assert await limited.closing_code() == 4401
    page, _ = await opened(PATH, subprotocols=["bearer", token_for(uuid7())], origin="http://evil.example")
    assert await page.closing_code() == 4403


async def test_an_ended_session_ends_the_socket():
    token = token_for(uuid7(), exp=int(time.time()) + 60)
    principal = read_token(token)
    socket, subprotocol = await opened(PATH, subprotocols=["bearer", token])
    assert subprotocol == "bearer"
    await socket.receive()
    await in_thread(guard.revoke_token, principal.jti, principal.expires_at)
    assert await socket.closing_code() == 4401
