"""From a published fact to a signed request: once, in order, retried for three days, and given up in the end."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest
import time_machine
from django.core import mail
from django.db import connections
from django.utils import timezone
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook, WebhookVerificationError
from werkzeug import Request, Response

from accounts.events import UserLoggedIn
from catalog.events import CategoryChanged
from core.db import transaction
from core.events import REGISTRY
from core.ids import uuid7
from messaging.delivery.work_queues import run_work_queue
from messaging.models import InboxEvent
from messaging.outbox import publish
from messaging.subscriptions import subscriptions
from messaging.testing import capture_events, drain_outbox
from notifications import handlers, operations, services
from notifications.models import (
    DELAYS_S,
    DeliveryState,
    DisabledReason,
    EndpointState,
    Notification,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from notifications.providers.webhooks import Answer
from notifications.services.webhooks import build_body
from notifications.tests import make

pytestmark = pytest.mark.django_db(databases=["notifications", "catalog", "accounts"])
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OK, BAD = Answer(200, 5), Answer(500, 5, error="HTTP 500")


class Receiver:
    """A server that keeps what it got, and answers as told; without orders, 204."""

    def __init__(self, server) -> None:
        self.url = server.url_for("/hook")
        self.got: list[Request] = []
        self.answers: list[Response] = []
        server.expect_request("/hook", method="POST").respond_with_handler(self.take)

    def take(self, request: Request) -> Response:
        self.got.append(request)
        return self.answers.pop(0) if self.answers else Response(status=204)

    @property
    def bodies(self) -> list[dict]:
        return [msgspec.json.decode(request.data) for request in self.got]


@pytest.fixture
def receiver(httpserver) -> Receiver:
    return Receiver(httpserver)


@pytest.fixture
def change() -> Callable[..., None]:
    """Publish a change of a category, and let everything flow."""

    def act(name: str = "Sedans", category=None) -> None:
        with transaction("catalog"):
            publish(CategoryChanged(category_id=category or uuid7(), name=name))
        drain_outbox("catalog", "notifications")

    return act


def claim(endpoint: WebhookEndpoint, now: datetime):
    return services.claim_delivery(endpoint_id=endpoint.id, now=now)


def attempt(endpoint: WebhookEndpoint, answer: Answer, now: datetime) -> WebhookDelivery:
    """One attempt at a moment of our choosing, answered without a server."""
    sending = claim(endpoint, now)
    assert sending is not None
    services.record_attempt(sending=sending, answer=answer, now=now)
    return WebhookDelivery.objects.get(pk=sending.delivery_id)


def waiting(endpoint: WebhookEndpoint, now: datetime = NOW, subject=None) -> WebhookDelivery:
    """A delivery that is due."""
    return WebhookDelivery.objects.create(
        endpoint=endpoint,
        event_id=uuid7(),
        event_type="category.changed",
        subject=str(subject or uuid7()),
        body=b"{}",
        next_attempt_at=now,
        created_at=now,
    )


def test_every_promised_event_is_heard_and_nothing_else():
    item = subscriptions()["notifications.queue_webhooks"]
    assert set(item.events) == {name for name, event in REGISTRY.items() if not event.internal}
    assert "order.created" in item.events
    assert item.function is handlers.queue_webhooks


def test_nothing_is_delivered_here_while_nobody_is_registered(change):
    change("Sedans")
    assert not InboxEvent.objects.using("notifications").filter(handler="notifications.queue_webhooks").exists()


def test_a_fact_arrives_signed_and_whole(receiver, change):
    endpoint = make.webhook(receiver.url)
    category = uuid7()
    change("Sedans", category)
    (request,) = receiver.got
    body = Webhook(endpoint.secret).verify(request.data, dict(request.headers))
    delivery = WebhookDelivery.objects.get()
    assert request.data == bytes(delivery.body)
    assert request.headers["webhook-id"] == str(delivery.event_id) == body["id"]
    assert request.headers["Content-Type"] == "application/json"
    assert (body["type"], body["source"], body["subject"]) == ("category.changed", "/autosalon/catalog", str(category))
    assert (body["specversion"], body["sequence"], body["data"]["name"]) == ("1.0", f"{1:020d}", "Sedans")
    assert abs(datetime.fromisoformat(body["time"]) - timezone.now()) < timedelta(minutes=1)
    assert (delivery.state, delivery.attempts, delivery.next_attempt_at) == (DeliveryState.DELIVERED, 1, None)
    log = WebhookAttempt.objects.get()
    assert (log.number, log.status_code, log.error) == (1, 204, "")


def test_another_secret_does_not_verify(receiver, change):
    make.webhook(receiver.url)
    change()
    other = make.webhook()
    with pytest.raises(WebhookVerificationError):
        Webhook(other.secret).verify(receiver.got[0].data, dict(receiver.got[0].headers))


def test_a_fact_told_twice_is_sent_once(receiver, change):
    make.webhook(receiver.url)
    change()
    for _ in range(2):
        InboxEvent.objects.using("notifications").update(status=0)
        drain_outbox("notifications")
    assert (len(receiver.got), WebhookDelivery.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("patterns", "count"),
    [
        (["*"], 2),
        (["category.changed"], 1),
        (["category.*"], 1),
        (["user.logged_in", "category.*"], 2),
        (["user.*"], 1),
        (["order.*"], 0),
    ],
)
def test_a_receiver_gets_what_it_asked_for(receiver, change, patterns, count):
    make.webhook(receiver.url, *patterns)
    with transaction("accounts"):
        publish(UserLoggedIn(user_id=uuid7(), session_id=uuid7()))
    drain_outbox("accounts", "notifications")
    change()
    assert len(receiver.got) == count


def test_a_receiver_gets_nothing_from_before_its_time(receiver, change):
    change()
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        endpoint = make.webhook(receiver.url)
    InboxEvent.objects.using("notifications").update(status=0)
    drain_outbox("notifications")
    assert (receiver.got, WebhookDelivery.objects.filter(endpoint=endpoint).exists()) == ([], False)


def test_one_that_is_off_gets_nothing(receiver, change):
    endpoint = make.webhook(receiver.url)
    services.change_webhook(webhook_id=endpoint.id, changes={"state": "disabled"}, now=timezone.now())
    change()
    assert (receiver.got, WebhookDelivery.objects.exists()) == ([], False)


def test_facts_of_one_subject_arrive_in_their_order(receiver, change):
    make.webhook(receiver.url)
    category = uuid7()
    with transaction("catalog"):
        for number in range(1, 8):
            publish(CategoryChanged(category_id=category, name=str(number)))
    drain_outbox("catalog", "notifications")
    assert [body["data"]["name"] for body in receiver.bodies] == list("1234567")
    assert [int(body["sequence"]) for body in receiver.bodies] == list(range(1, 8))


def test_a_failure_is_tried_again_with_the_same_bytes_and_id(receiver, change):
    endpoint = make.webhook(receiver.url)
    receiver.answers = [Response("no", status=500), Response(status=200)]
    change()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, len(receiver.got)) == (DeliveryState.RETRYING, 1)
    wait = (delivery.next_attempt_at - timezone.now()).total_seconds()
    assert 0 < wait <= 6
    with time_machine.travel(timezone.now() + timedelta(seconds=25)):
        drain_outbox("notifications")
        first, second = receiver.got
        assert Webhook(endpoint.secret).verify(second.data, dict(second.headers))
    assert first.data == second.data
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert WebhookDelivery.objects.get().state == DeliveryState.DELIVERED
    logged = list(WebhookAttempt.objects.order_by("number").values_list("number", "status_code", "response_excerpt"))
    assert logged == [(1, 500, "no"), (2, 200, "")]
    assert WebhookEndpoint.objects.get().failing_since is None


def test_the_schedule_is_that_of_standard_webhooks_for_three_days():
    endpoint = make.webhook()
    delivery, now = waiting(endpoint), NOW
    for tries, planned in enumerate(DELAYS_S, start=1):
        assert delivery.tries == tries - 1
        if tries > 1:
            wait = (delivery.next_attempt_at - now).total_seconds()
            assert 0.8 * planned <= wait <= 1.2 * planned
            assert claim(endpoint, delivery.next_attempt_at - timedelta(milliseconds=1)) is None
        now = delivery.next_attempt_at
        delivery = attempt(endpoint, BAD, now)
    assert (delivery.state, delivery.attempts, delivery.next_attempt_at) == (DeliveryState.EXHAUSTED, 10, None)
    assert timedelta(days=2.5) < now - NOW < timedelta(days=3.9)
    assert DELAYS_S == (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    assert claim(endpoint, now + timedelta(days=30)) is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(httpserver, receiver, change, status):
    make.webhook(httpserver.url_for("/moved"))
    away = Response(status=status, headers={"Location": receiver.url})
    httpserver.expect_request("/moved").respond_with_response(away)
    change()
    assert receiver.got == []
    assert (WebhookDelivery.objects.get().state, WebhookAttempt.objects.get().status_code) == ("retrying", status)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed(receiver, change, status):
    make.webhook(receiver.url)
    receiver.answers = [Response(status=status, headers={"Retry-After": "120"})]
    change()
    wait = (WebhookDelivery.objects.get().next_attempt_at - timezone.now()).total_seconds()
    assert 110 < wait <= 120


def test_retry_after_may_be_a_moment(receiver, change):
    make.webhook(receiver.url)
    moment = timezone.now() + timedelta(minutes=10)
    receiver.answers = [Response(status=503, headers={"Retry-After": format_datetime(moment, usegmt=True)})]
    change()
    assert abs(WebhookDelivery.objects.get().next_attempt_at - moment) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("status", "header", "least", "most"),
    [
        (503, "1", 4, 6),
        (503, "soon", 4, 6),
        (503, "-5", 4, 6),
        (500, "120", 4, 6),
        (503, "99999999999999", 86_390, 86_400),
    ],
)
def test_retry_after_is_not_obeyed_beyond_reason(receiver, change, status, header, least, most):
    make.webhook(receiver.url)
    receiver.answers = [Response(status=status, headers={"Retry-After": header})]
    before = timezone.now()
    change()
    wait = (WebhookDelivery.objects.get().next_attempt_at - before).total_seconds()
    assert least <= wait <= most + 5


def test_410_switches_off_at_once_and_tells_the_owner(receiver, change):
    owner = make.recipient()
    endpoint = make.webhook(receiver.url, owner=owner)
    receiver.answers = [Response(status=410)]
    with capture_events("notifications") as events:
        change()
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.disabled_reason) == (EndpointState.DISABLED, DisabledReason.GONE)
    assert WebhookDelivery.objects.get().state == DeliveryState.EXHAUSTED
    assert events == ["webhook.disabled", "notification.told"]
    told = Notification.objects.filter(user_id=owner, kind="webhook.disabled")
    assert sorted(told.values_list("channel", flat=True)) == ["email", "in_app"]
    assert [message.to for message in mail.outbox] == [["anna@example.com"]]
    assert receiver.url in mail.outbox[0].body
    change()
    assert len(receiver.got) == 1


def test_five_days_of_nothing_but_failures_switch_it_off():
    owner = make.recipient()
    endpoint = make.webhook(owner=owner)
    with capture_events("notifications") as events:
        for day in (0, 2, 4.9):
            waiting(endpoint, NOW + timedelta(days=day))
            attempt(endpoint, BAD, NOW + timedelta(days=day))
        endpoint.refresh_from_db()
        assert (endpoint.state, endpoint.failing_since) == (EndpointState.ENABLED, NOW)
        last = NOW + timedelta(days=5, minutes=1)
        while endpoint.is_enabled:
            attempt(endpoint, BAD, last)
            endpoint.refresh_from_db()
            last += timedelta(hours=3)
    assert (endpoint.disabled_reason, events) == (
        DisabledReason.FAILING,
        ["webhook.disabled", "notification.told"],
    )
    assert last < NOW + timedelta(days=6)
    assert Notification.objects.filter(user_id=owner, kind="webhook.disabled").count() == 2
    assert claim(endpoint, last + timedelta(days=1)) is None


def test_one_success_starts_the_five_days_anew():
    endpoint = make.webhook()
    for hours, answer in ((0, BAD), (100, OK), (101, BAD), (130, BAD), (160, BAD)):
        moment = NOW + timedelta(hours=hours)
        waiting(endpoint, moment)
        attempt(endpoint, answer, moment)
    endpoint.refresh_from_db()
    assert endpoint.is_enabled
    assert endpoint.failing_since > NOW + timedelta(hours=100)


def test_a_hiccup_after_a_quiet_season_does_not_switch_it_off():
    endpoint = make.webhook()
    WebhookEndpoint.objects.update(failing_since=NOW - timedelta(days=90))
    waiting(endpoint)
    attempt(endpoint, BAD, NOW)
    endpoint.refresh_from_db()
    assert endpoint.is_enabled


def test_switched_on_again_it_gets_what_waited():
    endpoint = make.webhook()
    waiting(endpoint)
    waiting(endpoint)
    attempt(endpoint, Answer(410, 1), NOW)
    assert claim(endpoint, NOW) is None
    services.change_webhook(webhook_id=endpoint.id, changes={"state": "enabled"}, now=NOW)
    assert claim(endpoint, NOW) is not None
    endpoint.refresh_from_db()
    assert (endpoint.disabled_reason, endpoint.failing_since) == ("", None)


def test_during_rotation_both_secrets_verify(receiver, change):
    endpoint = make.webhook(receiver.url)
    old = endpoint.secret
    new = services.rotate_secret(webhook_id=endpoint.id, now=timezone.now()).secret
    change()
    (request,) = receiver.got
    assert old != new
    assert len(request.headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        assert Webhook(secret).verify(request.data, dict(request.headers))


def test_after_rotation_only_the_new_secret_verifies(receiver, change):
    endpoint = make.webhook(receiver.url)
    old = endpoint.secret
    new = services.rotate_secret(webhook_id=endpoint.id, now=timezone.now() - timedelta(hours=25)).secret
    change()
    (request,) = receiver.got
    assert Webhook(new).verify(request.data, dict(request.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(request.data, dict(request.headers))


def test_two_at_once_at_most_and_one_of_a_subject():
    endpoint = make.webhook()
    order = uuid7()
    first, second = waiting(endpoint, subject=order), waiting(endpoint, NOW + timedelta(microseconds=1), order)
    other, fourth = waiting(endpoint, NOW + timedelta(microseconds=2)), waiting(endpoint, NOW + timedelta(seconds=1))
    later = NOW + timedelta(seconds=2)
    claimed = [claim(endpoint, later) for _ in range(3)]
    assert [one and one.delivery_id for one in claimed] == [first.id, other.id, None]
    services.record_attempt(sending=claimed[0], answer=OK, now=later)
    assert claim(endpoint, later).delivery_id == second.id
    services.record_attempt(sending=claimed[1], answer=OK, now=later)
    assert claim(endpoint, later).delivery_id == fourth.id


def test_receivers_do_not_wait_for_each_other():
    slow, quick = make.webhook(), make.webhook()
    for _ in range(2):
        waiting(slow)
    waiting(quick)
    assert all([claim(slow, NOW), claim(slow, NOW), claim(quick, NOW)])


def test_what_a_dead_worker_held_is_sent_after_its_lease():
    endpoint = make.webhook()
    waiting(endpoint)
    lost = claim(endpoint, NOW)
    assert claim(endpoint, NOW + timedelta(seconds=59)) is None
    again = claim(endpoint, NOW + timedelta(seconds=60))
    assert (again.delivery_id, again.message_id, again.number) == (lost.delivery_id, lost.message_id, 2)


def test_an_attempt_that_outlived_its_lease_counts_only_if_it_succeeded():
    endpoint = make.webhook()
    waiting(endpoint)
    later = NOW + timedelta(seconds=61)
    lost, again = claim(endpoint, NOW), claim(endpoint, later)
    services.record_attempt(sending=lost, answer=BAD, now=later)
    assert WebhookDelivery.objects.get().lease_until is not None
    services.record_attempt(sending=again, answer=OK, now=later)
    assert WebhookDelivery.objects.get().state == DeliveryState.DELIVERED
    assert WebhookAttempt.objects.count() == 2


def test_a_late_failure_does_not_undo_a_success():
    endpoint = make.webhook()
    waiting(endpoint)
    later = NOW + timedelta(seconds=61)
    lost, again = claim(endpoint, NOW), claim(endpoint, later)
    services.record_attempt(sending=lost, answer=OK, now=later)
    services.record_attempt(sending=again, answer=BAD, now=later)
    assert WebhookDelivery.objects.get().state == DeliveryState.DELIVERED


def test_what_breaks_the_sender_is_a_failed_attempt(monkeypatch, change):
    def explode(**_):
        raise ZeroDivisionError

    make.webhook()
    monkeypatch.setattr("notifications.providers.webhooks.send", explode)
    change()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.lease_until) == (DeliveryState.RETRYING, None)
    assert "ZeroDivisionError" in WebhookAttempt.objects.get().error


def test_a_receiver_removed_meanwhile_is_no_trouble():
    endpoint = make.webhook()
    waiting(endpoint)
    sending = claim(endpoint, NOW)
    services.remove_webhook(webhook_id=endpoint.id)
    services.record_attempt(sending=sending, answer=OK, now=NOW)
    assert not run_work_queue(services.SEND_WEBHOOKS)
    assert not WebhookAttempt.objects.exists()


def test_a_private_address_is_a_failure_of_the_delivery(settings, receiver, change):
    make.webhook(receiver.url)
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    change()
    assert receiver.got == []
    assert "private" in WebhookAttempt.objects.get().error


def test_a_fact_too_large_to_send_goes_without_its_bulk():
    from messaging.publishing.envelope import to_cloudevent

    envelope = to_cloudevent(
        source="showroom", event_id=uuid7(), type="event.cancelled", version=1, subject="s", seq=1, headers={},
        created_at=NOW, data={"event_id": "e", "reason": "r" * 30_000, "user_ids": ["u" * 36] * 900, "count": 900},
    )  # fmt: skip
    body = build_body(envelope)
    sent = msgspec.json.decode(body)
    assert len(body) < 20_000
    assert (sent["data"], sent["omitted"]) == ({"event_id": "e", "count": 900}, "reason,user_ids")


def test_old_deliveries_are_forgotten():
    endpoint = make.webhook()
    for day in (0, 1):
        waiting(endpoint, NOW + timedelta(days=day))
        attempt(endpoint, OK, NOW + timedelta(days=day))
    open_one = waiting(endpoint)
    assert services.forget_old_deliveries(now=NOW + timedelta(days=30, hours=1)) == 1
    assert WebhookDelivery.objects.filter(pk=open_one.id).exists()
    assert (WebhookDelivery.objects.count(), WebhookAttempt.objects.count()) == (2, 1)


@pytest.mark.django_db(databases=["notifications"], transaction=True)
def test_one_worker_at_a_time_sends_and_nothing_twice(receiver):
    endpoint = make.webhook(receiver.url)
    for number in range(12):
        waiting(endpoint, timezone.now() - timedelta(seconds=20 - number))
    done: list[bool] = []

    def work():
        done.append(run_work_queue(services.SEND_WEBHOOKS))
        connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    ids = [request.headers["webhook-id"] for request in receiver.got]
    assert (len(ids), len(set(ids))) == (12, 12)
    assert True in done
    with connections["notifications"].cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
               WHERE l.locktype = 'advisory' AND d.datname = current_database()"""
        )
        assert cursor.fetchone() == (0,)


def test_a_turn_ends_and_slow_receivers_are_not_begun_with_late():
    slow, quick = make.webhook(), make.webhook()
    for endpoint in (slow, quick):
        waiting(endpoint, timezone.now() - timedelta(seconds=5))
    work_queue = operations.SendWebhooks()
    early, late, over = work_queue.turn_s - 1, work_queue.turn_s + 1, work_queue.turn_s + work_queue.extra_s + 1
    assert work_queue._claim(over, set(), 0) == []
    assert work_queue._claim(early, set(), work_queue.threads) == []
    (sending,) = work_queue._claim(late, {slow.id}, 0)
    assert sending.endpoint_id == quick.id
    assert work_queue._slow([sending]) == set()
    assert work_queue._slow([replace(sending, at=timezone.now() - timedelta(seconds=2))]) == {quick.id}
    (sending,) = work_queue._claim(early, {slow.id}, 1)
    assert sending.endpoint_id == slow.id


def test_a_slow_receiver_holds_up_nobody_else():
    release, order = threading.Event(), []

    def dawdle(_: Request) -> Response:
        release.wait(10)
        order.append("slow")
        return Response(status=204)

    def hurry(_: Request) -> Response:
        order.append("quick")
        if order.count("quick") == 6:
            release.set()
        return Response(status=204)

    with HTTPServer(threaded=True) as server:
        for path, act in (("/slow", dawdle), ("/quick", hurry)):
            server.expect_request(path).respond_with_handler(act)
        slow, quick = (make.webhook(server.url_for(path)) for path in ("/slow", "/quick"))
        waiting(slow, timezone.now() - timedelta(seconds=30))
        for number in range(6):
            waiting(quick, timezone.now() - timedelta(seconds=20 - number))
        assert run_work_queue(services.SEND_WEBHOOKS)
    assert order == ["quick"] * 6 + ["slow"]
