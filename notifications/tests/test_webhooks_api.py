import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from standardwebhooks import Webhook
from werkzeug import Response

from core.ids import uuid7
from core.testing import Api
from messaging.testing import drain_outbox, published
from notifications import services
from notifications.models import DeliveryState, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from notifications.tests import make

pytestmark = pytest.mark.django_db(databases=["notifications"])
URL = "https://hooks.example/in"
SHOWN = {
    "id", "url", "events", "description", "owner_id", "state", "disabled_reason", "failing_since",
    "previous_secret_expires_at", "created_at", "updated_at", "version",
}  # fmt: skip


@pytest.fixture
def boss() -> Api:
    return Api("admin")


@pytest.fixture
def receiver(httpserver):
    """Address of a server that takes everything."""
    httpserver.expect_request("/in", method="POST").respond_with_data("thanks")
    return httpserver.url_for("/in")


def delivery_to(endpoint: WebhookEndpoint) -> WebhookDelivery:
    return services.send_test(webhook_id=endpoint.id, now=timezone.now())


def snapshot() -> list:
    """Everything that a refused request must leave as it was."""
    return [
        list(WebhookEndpoint.objects.order_by("id").values()),
        list(WebhookDelivery.objects.order_by("id").values("id", "state", "tries", "next_attempt_at")),
        published("notifications"),
    ]


def test_the_secret_is_shown_once(boss):
    answer = boss.post("/webhooks", {"url": URL, "events": ["order.*", "payment.completed"]})
    shown = answer.json()
    assert answer.status_code == 201
    assert set(shown) == SHOWN | {"secret"}
    assert (shown["url"], shown["events"]) == (URL, ["order.*", "payment.completed"])
    assert (shown["state"], shown["owner_id"], shown["version"]) == ("enabled", str(boss.user_id), 1)
    assert shown["secret"].startswith("whsec_")
    assert Webhook(shown["secret"])
    path = f"/webhooks/{shown['id']}"
    later = [boss.get(path), boss.get("/webhooks/"), boss.patch(path, {"description": "x"}), boss.get(f"{path}/")]
    for one in later:
        assert one.status_code == 200
        assert shown["secret"] not in one.content.decode()
        assert "whsec_" not in one.content.decode()
    assert set(later[0].json()) == SHOWN


def test_secrets_differ(boss):
    secrets = {boss.post("/webhooks", {"url": URL, "events": ["*"]}).json()["secret"] for _ in range(3)}
    assert len(secrets) == 3


CALLS = [
    ("get", "/webhooks", None),
    ("post", "/webhooks", {"url": URL, "events": ["*"]}),
    ("get", "/webhooks/{webhook}", None),
    ("put", "/webhooks/{webhook}", {"url": URL, "events": ["user.*"]}),
    ("patch", "/webhooks/{webhook}", {"description": "x"}),
    ("delete", "/webhooks/{webhook}", None),
    ("post", "/webhooks/{webhook}/test", {}),
    ("post", "/webhooks/{webhook}/rotate-secret", {}),
    ("get", "/webhooks/{webhook}/deliveries", None),
    ("get", "/deliveries/{delivery}", None),
    ("post", "/deliveries/{delivery}/redeliver", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
@pytest.mark.parametrize(("roles", "status"), [((), 401), (("client",), 403), (("manager",), 403)])
def test_admins_alone_may(method, path, body, roles, status):
    endpoint = make.webhook()
    delivery, before = delivery_to(endpoint), snapshot()
    before = snapshot()
    answer = Api(*roles).request(method, path.format(webhook=endpoint.id, delivery=delivery.id), body)
    assert answer.status_code == status
    assert snapshot() == before


@pytest.mark.parametrize(("method", "path", "body"), [call for call in CALLS if "{" in call[1]])
@pytest.mark.parametrize("slash", ["", "/"])
def test_admins_may(boss, method, path, body, slash):
    endpoint = make.webhook()
    delivery = delivery_to(endpoint)
    answer = boss.request(method, path.format(webhook=endpoint.id, delivery=delivery.id) + slash, body)
    assert answer.status_code in (200, 202, 204)


@pytest.mark.parametrize(("method", "path", "body"), [call for call in CALLS if "{" in call[1]])
@pytest.mark.parametrize("missing", [str(uuid7()), "-" * 36])
def test_what_is_not_there_is_404(boss, method, path, body, missing):
    delivery_to(make.webhook())
    before = snapshot()
    assert boss.request(method, path.format(webhook=missing, delivery=missing), body).status_code == 404
    assert snapshot() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": URL}, "events"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": "order.created"}, "events"),
        ({"url": URL, "events": ["order.shipped"]}, "events"),
        ({"url": URL, "events": ["checkout.stock_requested"]}, "events"),
        ({"url": URL, "events": ["checkout.*"]}, "events"),
        ({"url": URL, "events": ["ord*"]}, "events"),
        ({"url": URL, "events": [".*"]}, "events"),
        ({"url": URL, "events": ["*", 5]}, "events"),
        ({"url": "hooks.example", "events": ["*"]}, "url"),
        ({"url": "ftp://hooks.example/", "events": ["*"]}, "url"),
        ({"url": "https://10.0.0.1/", "events": ["*"]}, "url"),
        ({"url": "http://hooks.example/", "events": ["*"]}, "url"),
        ({"url": URL, "events": ["*"], "state": "asleep"}, "state"),
        ({"url": URL, "events": ["*"], "description": "x" * 501}, "description"),
    ],
)
def test_bad_input_is_400(settings, boss, body, field):
    settings.WEBHOOKS_ALLOW_PRIVATE, settings.WEBHOOKS_REQUIRE_HTTPS = False, True
    answer = boss.post("/webhooks", body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith(field)
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.parametrize("body", [{"url": "x"}, {"events": ["nothing"]}, {"state": "x"}, {"events": []}])
@pytest.mark.parametrize("method", ["patch", "put"])
def test_a_bad_change_changes_nothing(boss, method, body):
    endpoint = make.webhook()
    before = snapshot()
    full = {"url": URL, "events": ["*"]} | body if method == "put" else body
    assert boss.request(method, f"/webhooks/{endpoint.id}", full).status_code == 400
    assert snapshot() == before


def test_a_change_asks_for_the_version_it_was_made_on(boss):
    endpoint = make.webhook()
    path = f"/webhooks/{endpoint.id}"
    assert boss.get(path)["ETag"] == '"1"'
    changed = boss.patch(path, {"events": ["user.*", "user.*"]}, If_Match='"1"')
    assert (changed.status_code, changed["ETag"], changed.json()["events"]) == (200, '"2"', ["user.*"])
    before = snapshot()
    assert boss.patch(path, {"description": "x"}, If_Match='"1"').status_code == 412
    assert boss.put(path, {"url": URL, "events": ["*"]}, If_Match='"1"').status_code == 412
    assert boss.delete(path, If_Match='"1"').status_code == 412
    assert snapshot() == before


def test_one_can_be_switched_off_and_on(boss):
    path = f"/webhooks/{make.webhook().id}"
    off = boss.patch(path, {"state": "disabled"}).json()
    assert (off["state"], off["disabled_reason"], off["version"]) == ("disabled", "by_hand", 2)
    assert boss.get("/webhooks?state=disabled").json()["results"][0]["id"] == off["id"]
    assert boss.get("/webhooks?state=enabled").json()["results"] == []
    on = boss.patch(path, {"state": "enabled"}).json()
    assert (on["state"], on["disabled_reason"]) == ("enabled", "")


def test_removing_takes_the_log_along(boss):
    endpoint, other = make.webhook(), make.webhook()
    delivery_to(endpoint)
    kept = delivery_to(other)
    drain_outbox("notifications")
    assert boss.delete(f"/webhooks/{endpoint.id}").status_code == 204
    assert list(WebhookEndpoint.objects.all()) == [other]
    assert list(WebhookDelivery.objects.all()) == [kept]
    assert set(WebhookAttempt.objects.values_list("delivery_id", flat=True)) == {kept.id}


def test_a_test_message_is_sent_once_and_can_be_looked_at(boss, httpserver, receiver):
    created = boss.post("/webhooks", {"url": receiver, "events": ["order.created"]}).json()
    answer = boss.post(f"/webhooks/{created['id']}/test")
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    drain_outbox("notifications")
    ((request, _),) = httpserver.log
    body = Webhook(created["secret"]).verify(request.data, dict(request.headers))
    assert (body["type"], body["data"]) == ("webhook.test", {"webhook_id": created["id"]})
    shown = boss.get(f"/deliveries/{answer.json()['id']}").json()
    assert (shown["state"], shown["attempts"], shown["body"]) == ("delivered", 1, body)
    (log,) = shown["attempt_log"]
    assert (log["status_code"], log["response_excerpt"], log["error"], log["number"]) == (200, "thanks", "", 1)


def test_a_test_that_fails_is_not_repeated(boss, httpserver):
    httpserver.expect_request("/in").respond_with_data("no", status=500)
    endpoint = make.webhook(httpserver.url_for("/in"))
    delivery = boss.post(f"/webhooks/{endpoint.id}/test").json()
    drain_outbox("notifications")
    shown = boss.get(f"/deliveries/{delivery['id']}").json()
    assert (shown["state"], shown["next_attempt_at"], shown["attempt_log"][0]["status_code"]) == (
        "exhausted", None, 500,
    )  # fmt: skip


def test_one_that_is_off_takes_no_test_and_no_redelivery(boss):
    endpoint = make.webhook()
    delivery = delivery_to(endpoint)
    boss.patch(f"/webhooks/{endpoint.id}", {"state": "disabled"})
    before = snapshot()
    for path in (f"/webhooks/{endpoint.id}/test", f"/deliveries/{delivery.id}/redeliver"):
        answer = boss.post(path)
        assert (answer.status_code, answer.json()["code"]) == (409, "webhook_disabled")
    assert snapshot() == before


def test_rotating_shows_the_new_secret_once(boss):
    created = boss.post("/webhooks", {"url": URL, "events": ["*"]}).json()
    rotated = boss.post(f"/webhooks/{created['id']}/rotate-secret")
    assert rotated.status_code == 200
    assert rotated.json()["secret"] not in (created["secret"], "")
    assert rotated.json()["previous_secret_expires_at"] > rotated.json()["updated_at"]
    assert "secret" not in boss.get(f"/webhooks/{created['id']}").json()


def test_what_was_delivered_can_be_sent_again_under_the_same_id(boss, httpserver, receiver):
    delivery = delivery_to(make.webhook(receiver))
    drain_outbox("notifications")
    answer = boss.post(f"/deliveries/{delivery.id}/redeliver")
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    drain_outbox("notifications")
    first, second = [request for request, _ in httpserver.log]
    assert (first.data, first.headers["webhook-id"]) == (second.data, second.headers["webhook-id"])
    shown = boss.get(f"/deliveries/{delivery.id}").json()
    assert (shown["state"], [log["number"] for log in shown["attempt_log"]]) == ("delivered", [2, 1])


def test_what_was_given_up_gets_a_whole_new_schedule(boss, httpserver):
    httpserver.expect_request("/in").respond_with_handler(lambda _: Response(status=500))
    delivery = delivery_to(make.webhook(httpserver.url_for("/in")))
    WebhookDelivery.objects.update(event_type="order.created", tries=9, attempts=9)
    drain_outbox("notifications")
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.EXHAUSTED, 10)
    boss.post(f"/deliveries/{delivery.id}/redeliver")
    drain_outbox("notifications")
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.tries) == (DeliveryState.RETRYING, 11, 1)


def test_the_log_of_a_receiver_is_its_own_newest_first(boss, receiver):
    endpoint = make.webhook(receiver)
    first = delivery_to(endpoint)
    drain_outbox("notifications")
    second = delivery_to(endpoint)
    delivery_to(make.webhook())
    path = f"/webhooks/{endpoint.id}/deliveries"
    rows = boss.get(path).json()["results"]
    assert [row["id"] for row in rows] == [str(second.id), str(first.id)]
    assert [row["id"] for row in boss.get(f"{path}?ordering=created_at").json()["results"]] == [
        str(first.id), str(second.id),
    ]  # fmt: skip
    assert [row["id"] for row in boss.get(f"{path}?state=delivered").json()["results"]] == [str(first.id)]
    assert len(boss.get(f"{path}?event_type=webhook.test").json()["results"]) == 2
    assert boss.get(f"{path}?event_type=order.created").json()["results"] == []
    page = boss.get(f"{path}?page_size=1").json()
    assert (len(page["results"]), page["next"] is not None) == (1, True)


@pytest.mark.parametrize("query", ["state=x", "color=red", "ordering=url", "page_size=0", "cursor=x"])
def test_a_bad_list_query_is_400(boss, query):
    endpoint = make.webhook()
    for path in ("/webhooks", f"/webhooks/{endpoint.id}/deliveries"):
        assert boss.get(f"{path}?{query}").status_code == 400


def test_pages_cost_the_same_whatever_their_size(boss):
    endpoint = make.webhook()
    for _ in range(50):
        make.webhook()
        delivery_to(endpoint)
    for path in ("/webhooks", f"/webhooks/{endpoint.id}/deliveries"):
        counts = set()
        for size in (5, 50):
            with CaptureQueriesContext(connections["notifications"]) as queries:
                assert len(boss.get(f"{path}?page_size={size}").json()["results"]) == size
            counts.add(len(queries))
        assert len(counts) == 1
