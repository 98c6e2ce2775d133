"""Contract D as its clients send it: every row, and its refusals."""

from decimal import Decimal

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from contracts import waiting
from contracts.d import table
from contracts.tests.client import DATABASES, PASSWORD, Speaker, member, speaker
from core.ids import uuid7
from core.testing import Api
from messaging.testing import drain_outbox
from orders.models import Order
from payments.models import Payment

pytestmark = pytest.mark.django_db(databases=DATABASES)
NEW = {
    "username": "testuser", "email": "test@example.com", "password": PASSWORD, "first_name": "Ivan",
    "last_name": "Ivanov",
}  # fmt: skip
EVENT = {
    "title": "Conference", "description": "A day of talks", "start_date": "2023-12-01T10:00:00",
    "end_date": "2023-12-01T18:00:00", "location": "Moscow", "capacity": 100, "category_id": 1,
}  # fmt: skip
COMPANY = {"name": "ООО «Ромашка»", "type": "organization", "industry": "IT", "description": "Key client"}
PAYMENT = {
    "amount": 5000, "currency": "RUB", "description": "Booth", "client_id": 1, "event_id": 1, "payment_method_id": 1,
}  # fmt: skip


def ok(answer, status=200):
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json"), answer.content.decode()
    return answer.json()


def refused(answer, status, code=None):
    body = ok(answer, status)
    assert body["error"] == body["message"] == body["detail"] != ""
    assert code is None or body["code"] == code, body
    return body


def registered(name="testuser"):
    client = Speaker("d")
    user = ok(client.send("POST /auth/register", NEW | {"username": name, "email": f"{name}@example.com"}), 201)
    pair = ok(client.send("POST /auth/login", {"email": f"{name}@example.com", "password": PASSWORD}))
    client.token = pair["access_token"]
    return client, user, pair


@pytest.fixture
def manager():
    return member("d", "manager")[0]


@pytest.fixture
def category():
    Api("manager").post("/event-categories", {"name": "Conferences", "description": "Days of talks"})


@pytest.fixture
def background(monkeypatch):
    """Let events and calls flow while the façade waits, as workers would."""
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: drain_outbox())


def happening(manager, **changes):
    return ok(manager.send("POST /events", EVENT | {"category_id": None} | changes), 201)


SOON = {"start_date": "2100-12-01T10:00:00", "end_date": "2100-12-01T18:00:00"}


@pytest.mark.parametrize("service", ["", *table.SERVICES])
def test_health(service, monkeypatch):
    path = f"GET /{service}/health" if service else "GET /health"
    assert ok(Speaker("d").send(path)) == {"status": "healthy", "service": service or "gateway-service"}

    def fail(alias, *rest):
        raise table.Error

    monkeypatch.setattr(table, "fetch", fail)
    if service in ("", "gateway-service"):
        assert ok(Speaker("d").send(path))["status"] == "healthy"
    else:
        assert ok(Speaker("d").send(path), 503) == {"status": "unhealthy", "service": service}


def test_accounts():
    client, user, pair = registered()
    assert set(user) == {
        "id", "user_id", "username", "email", "full_name", "first_name", "last_name", "phone", "role", "is_active",
        "created_at", "last_login",
    }  # fmt: skip
    assert (user["id"], user["role"], user["first_name"]) == (user["user_id"], "client", "Ivan")
    assert (pair["token_type"], pair["expires_in"], pair["user"]["id"]) == ("bearer", 3600, user["id"])
    assert ok(client.send("GET /auth/me"))["id"] == user["id"]
    weak = refused(Speaker("d").send("POST /auth/register", NEW | {"password": "password123"}), 400)
    assert weak["errors"][0]["code"] == "password_too_common"
    refused(Speaker("d").send("POST /auth/register", NEW), 409)
    refused(Speaker("d").send("POST /auth/login", {"email": NEW["email"], "password": "wrong-password"}), 401)
    refused(Speaker("d").send("GET /auth/me"), 401)
    again = ok(Speaker("d").send("POST /auth/refresh", {"refresh_token": pair["refresh_token"]}))
    assert set(again) == {"access_token", "refresh_token", "token_type", "expires_in"}
    for email in (NEW["email"], "nobody@example.com"):
        assert set(ok(Speaker("d").send("POST /auth/reset-password", {"email": email}))) == {"message"}
    client.token = again["access_token"]
    assert ok(client.send("POST /auth/logout"))["message"]
    refused(Speaker("d").send("POST /auth/refresh", {"refresh_token": again["refresh_token"]}), 401)


def test_users():
    client, user, _ = registered()
    refused(client.send("GET /users"), 403)
    refused(Speaker("d").send("GET /users"), 401)
    admin, own = member("d", "admin")
    assert {one["id"] for one in ok(admin.send("GET /users"))} >= {user["id"]}
    made = ok(admin.send("POST /users", NEW | {"username": "other", "email": "o@example.com", "phone": ""}), 201)
    path = f"/users/{made['id']}"
    assert ok(admin.send(f"GET {path}"))["email"] == "o@example.com"
    changed = ok(admin.send(f"PUT {path}", {"first_name": "Petr", "password": "hidden"}))
    assert (changed["first_name"], changed["last_name"]) == ("Petr", "Ivanov")
    assert admin.send(f"PUT {path}", {"first_name": "Petr", "password": "hidden"})["X-Ignored-Fields"] == "password"
    refused(client.send(f"PUT {path}", {"first_name": "Mine"}), 403)
    assert ok(admin.send(f"GET {path}/integrations")) == []
    assert {one["kind"] for one in ok(admin.send(f"GET {path}/activity"))} >= {"created"}
    assert ok(admin.send(f"DELETE {path}"))["message"]
    refused(admin.send(f"GET {path}"), 404)
    assert own.pk


@pytest.mark.usefixtures("category")
def test_events(manager):
    listed = ok(manager.send("GET /categories"))
    assert listed == [{"id": 1, "category_id": 1, "name": "Conferences", "description": "Days of talks"}]
    event = ok(manager.send("POST /events", EVENT), 201)
    assert set(event) == {
        "id", "event_id", "title", "description", "start_date", "end_date", "location", "capacity", "price",
        "category_id", "status", "created_at", "updated_at",
    }  # fmt: skip
    assert (event["id"], event["event_id"], event["category_id"], event["status"]) == (1, 1, 1, "completed")
    assert (event["start_date"], event["price"]) == ("2023-12-01T07:00:00Z", 0)
    client, _, _ = registered()
    assert ok(client.send("GET /events")) == [event]
    assert ok(client.send("GET /events/1")) == event
    changed = ok(manager.send("PUT /events/1", {"capacity": 120} | SOON))
    assert (changed["capacity"], changed["title"], changed["status"]) == (120, "Conference", "scheduled")
    now = ok(manager.send("PUT /events/1", {"start_date": "2023-12-01T10:00:00"}))
    assert now["status"] == "active"
    assert ok(manager.send("DELETE /events/1"))["message"]
    assert ok(client.send("GET /events/1"))["status"] == "cancelled"
    for row in ("POST /events", "PUT /events/1", "DELETE /events/1"):
        refused(client.send(row, EVENT), 403)
    for unknown in (99, "99", str(uuid7()), "x"):
        refused(client.send(f"GET /events/{unknown}"), 404, "not_found")
        told = refused(manager.send("POST /events", EVENT | {"category_id": unknown}), 404, "not_found")
        assert told["errors"][0]["field"] == "category_id"
    refused(manager.send("POST /events", EVENT | {"end_date": "2023-12-01T09:00:00"}), 400)


def test_registrations(manager):
    event = happening(manager, **SOON)
    client, user, _ = registered()
    path = f"/events/{event['id']}/register"
    refused(client.send(f"POST {path}", {"user_id": 99}), 403)
    made = ok(client.send(f"POST {path}"), 201)
    assert made == {
        "id": made["id"], "registration_id": made["id"], "event_id": event["id"], "user_id": user["id"],
        "status": "confirmed", "payment_status": "unpaid", "registration_date": made["registration_date"],
    }  # fmt: skip
    refused(client.send(f"POST {path}", {"user_id": user["id"]}), 409)
    listing = f"GET /events/{event['id']}/registrations"
    assert ok(client.send(listing)) == ok(manager.send(listing)) == [made]
    assert ok(registered("other")[0].send(listing)) == []
    refused(Speaker("d").send(f"POST {path}"), 401)
    refused(client.send("POST /events/99/register"), 404)


def test_resources_and_their_time(manager):
    Api("manager").post("/resource-types", {"name": "Screens", "description": "Light"})
    (kind,) = ok(manager.send("GET /resource-types"))
    assert set(kind) == {"id", "resource_type_id", "name", "description"}
    new = {"name": "Projector", "resource_type_id": kind["id"], "description": "4K", "quantity": 2}
    made = ok(manager.send("POST /resources", new), 201)
    assert made == new | {"id": made["id"], "resource_id": made["id"], "capacity": 2, "status": "available"}
    other = ok(manager.send("POST /resources", {"name": "Room", "type_id": kind["id"], "capacity": 5}), 201)
    assert (other["quantity"], other["resource_type_id"]) == (5, kind["id"])
    path = f"/resources/{made['id']}"
    assert ok(manager.send(f"PUT {path}", {"description": "8K"}))["name"] == "Projector"
    assert {one["name"] for one in ok(manager.send("GET /resources"))} == {"Projector", "Room"}
    event = happening(manager)
    span = {"start_time": "2023-12-01T09:00:00", "end_time": "2023-12-01T19:00:00"}
    taken = ok(manager.send(f"POST {path}/allocate", span | {"event_id": event["id"], "quantity": 1}), 201)
    assert set(taken) == {
        "id", "allocation_id", "resource_id", "event_id", "start_time", "end_time", "quantity", "status",
    }  # fmt: skip
    assert (taken["resource_id"], taken["event_id"], taken["status"]) == (made["id"], event["id"], "confirmed")
    refused(manager.send(f"POST {path}/allocate", span | {"event_id": event["id"], "quantity": 2}), 409)
    refused(manager.send(f"POST {path}/allocate", span | {"event_id": 99, "quantity": 1}), 404, "not_found")
    assert ok(manager.send(f"GET /allocations?resource_id={made['id']}&event_id={event['id']}")) == [taken]
    assert ok(manager.send(f"GET /allocations?resource_id={other['id']}")) == []
    client = speaker("d", "client")
    for row in ("POST /resources", f"PUT {path}", f"DELETE {path}", f"POST {path}/allocate"):
        refused(client.send(row, new | span), 403)
    assert ok(manager.send(f"DELETE /resources/{other['id']}"))["message"]
    refused(manager.send(f"GET /resources/{other['id']}"), 404)


def test_clients_and_whom_to_ask_for(manager):
    card = ok(manager.send("POST /clients", COMPANY), 201)
    assert card | COMPANY | {"client_id": card["id"]} == card
    path = f"/clients/{card['id']}"
    assert ok(manager.send(f"PUT {path}", {"industry": "retail"}))["name"] == COMPANY["name"]
    assert ok(manager.send(f"GET {path}"))["industry"] == "retail"
    assert [one["id"] for one in ok(manager.send("GET /clients"))] == [card["id"]]
    person = {"name": "Ivan", "email": "ivan@example.com", "phone": "+79001234567", "position": "director"}
    made = ok(manager.send(f"POST {path}/contacts", person), 201)
    assert made == person | {"id": made["id"], "contact_id": made["id"], "client_id": card["id"]}
    other = ok(manager.send(f"POST {path}/contacts", {"name": "Petr", "phone": "+79001234568"}), 201)
    assert (other["email"], other["phone"]) == (None, "+79001234568")
    assert ok(manager.send(f"GET {path}/contacts")) == [other, made]
    wrong = refused(manager.send(f"POST {path}/contacts", {"name": "X", "email": "x@y.ru", "phone": "x"}), 400)
    assert wrong["errors"][0]["field"] == "phone"
    refused(manager.send(f"POST {path}/contacts", {"name": "Nobody"}), 400)
    assert len(ok(manager.send(f"GET {path}/contacts"))) == 2
    done = ok(manager.send(f"POST {path}/activity", {"type": "email", "description": "Sent the offer"}), 201)
    assert (done["type"], done["activity_type"], done["client_id"]) == ("email", "email", card["id"])
    called = ok(manager.send(f"POST {path}/activity", {"activity_type": "call", "description": "Called"}), 201)
    assert {one["id"] for one in ok(manager.send(f"GET {path}/activity"))} == {done["id"], called["id"]}
    for kind in ("dance", "", None):
        refused(manager.send(f"POST {path}/activity", {"type": kind, "description": "?"}), 400)
    client = speaker("d", "client")
    for row in ("GET /clients", f"GET {path}", f"GET {path}/contacts", f"GET {path}/activity"):
        refused(client.send(row), 403)
    refused(manager.send("GET /clients/99"), 404)
    assert ok(manager.send(f"DELETE {path}"))["message"]
    refused(manager.send(f"GET {path}"), 404)


def test_methods_of_paying():
    client, _, _ = registered()
    stored = ok(client.send("POST /payment-methods", {"type": "card", "token": "tok_success"}), 201)
    assert (stored["type"], stored["id"] > 100, stored["payment_method_id"]) == ("card", True, stored["id"])
    listed = ok(client.send("GET /payment-methods"))
    assert [(one["id"], one["type"]) for one in listed] == [
        (1, "card"), (2, "sbp"), (3, "cash"), (4, "bank_transfer"), (stored["id"], "card"),
    ]  # fmt: skip
    number = "4111111111111111"
    for where in ({"details": {"number": number}}, {"token": number}):
        refused(client.send("POST /payment-methods", {"type": "card"} | where), 400, "card_number_refused")


@pytest.mark.usefixtures("background")
def test_staff_take_a_clients_payment_for_an_event(manager):
    card, event = ok(manager.send("POST /clients", COMPANY), 201), happening(manager)
    asked = PAYMENT | {"client_id": card["id"], "event_id": event["id"]}
    paid = ok(manager.send("POST /payments", asked), 201)
    assert paid == {
        "id": paid["id"], "payment_id": paid["id"], "client_id": card["id"], "event_id": event["id"], "amount": 5000.0,
        "currency": "RUB", "payment_method_id": 1, "status": "pending", "description": "Booth",
        "created_at": paid["created_at"],
    }  # fmt: skip
    drain_outbox()
    read = ok(manager.send(f"GET /payments/{paid['id']}"))
    assert read == paid | {"status": "completed"}
    assert ok(manager.send("GET /payments")) == [read]
    order = Order.objects.get()
    assert (order.total_amount, order.status, "Conference" in order.comment) == (Decimal(5000), "paid", True)
    moved = ok(manager.send(f"GET /transactions?payment_id={paid['id']}"))
    assert [(one["payment_id"], one["transaction_type"], one["amount"]) for one in moved] == [
        (paid["id"], "charge", 5000.0)
    ]
    given = ok(manager.send(f"POST /payments/{paid['id']}/refund", {"amount": 1000, "reason": "Smaller booth"}))
    assert set(given) == {"message", "payment", "refund_id"}
    drain_outbox()
    assert ok(manager.send(f"GET /payments/{paid['id']}"))["status"] == "refunded"
    client, _, _ = registered()
    refused(client.send(f"GET /payments/{paid['id']}"), 404)
    refused(client.send(f"POST /payments/{paid['id']}/refund", {}), 403)
    assert ok(client.send("GET /payments")) == ok(client.send("GET /transactions")) == []


@pytest.mark.usefixtures("background")
def test_what_a_client_cannot_be_charged_for(manager):
    card, event = ok(manager.send("POST /clients", COMPANY), 201), happening(manager)
    asked = PAYMENT | {"client_id": card["id"], "event_id": event["id"]}
    for name, unknown in (("client_id", 99), ("event_id", 99), ("payment_method_id", 99), ("client_id", "x")):
        told = refused(manager.send("POST /payments", asked | {name: unknown}), 404, "not_found")
        assert told["errors"][0]["field"] == name
    for name in ("amount", "client_id"):
        refused(manager.send("POST /payments", asked | {name: None}), 400)
    for amount in (-5, "many", True, 0):
        refused(manager.send("POST /payments", asked | {"amount": amount}), 400)
    refused(manager.send("POST /payments", asked | {"currency": "USD"}), 400)
    assert {order.status for order in Order.objects.all()} <= {"cancelled"}
    cash = ok(manager.send("POST /payments", asked | {"payment_method_id": 3}), 201)
    assert (cash["payment_method_id"], cash["status"]) == (3, "pending")
    ok(manager.send(f"DELETE /events/{event['id']}"))
    refused(manager.send("POST /payments", asked), 409, "event_cancelled")


def test_only_two_wait_at_once_and_whoever_cannot_begins_nothing(manager):
    card, event = ok(manager.send("POST /clients", COMPANY), 201), happening(manager, price=5000, **SOON)
    asked = PAYMENT | {"client_id": card["id"], "event_id": event["id"]}
    client, _, _ = registered()
    drain_outbox()
    own = {"amount": 5000, "event_id": event["id"], "payment_method_id": 1}
    with waiting.take_place(), waiting.take_place():
        for answer in (manager.send("POST /payments", asked), client.send("POST /payments", own)):
            refused(answer, 503, "unavailable")
            assert answer["Retry-After"] == "2"
    assert not Order.objects.exists()
    assert ok(client.send(f"GET /events/{event['id']}/registrations")) == []


@pytest.mark.parametrize(("key", "left"), [({}, {"cancelled"}), ({"Idempotency_Key": "booth-1"}, {"created"})])
def test_a_wait_in_vain_leaves_no_order_that_a_repeat_does_not_find(manager, monkeypatch, key, left):
    card, event = ok(manager.send("POST /clients", COMPANY), 201), happening(manager)
    asked = PAYMENT | {"client_id": card["id"], "event_id": event["id"]}
    monkeypatch.setattr(waiting, "WAIT_S", 0.0)
    refused(manager.send("POST /payments", asked, **key), 409, "order_not_ready")
    assert {order.status for order in Order.objects.all()} == left
    drain_outbox()
    monkeypatch.setattr(waiting, "WAIT_S", 60.0)
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: drain_outbox())
    ok(manager.send("POST /payments", asked, **key), 201)
    assert Order.objects.exclude(status="cancelled").count() == 1


@pytest.mark.usefixtures("background")
def test_where_there_is_no_card_the_providers_page_asks_for_one(manager, settings):
    settings.CONTRACT_CARD_TOKEN = ""
    card, event = ok(manager.send("POST /clients", COMPANY), 201), happening(manager)
    asked = PAYMENT | {"client_id": card["id"], "event_id": event["id"]}
    payment = ok(manager.send("POST /payments", asked), 201)
    drain_outbox()
    assert ok(manager.send(f"GET /payments/{payment['id']}"))["status"] == "pending"
    assert Payment.objects.get().action_url.startswith("http")


@pytest.mark.usefixtures("background")
def test_a_client_pays_for_their_own_seat(manager):
    event = happening(manager, price=5000, **SOON)
    client, _, _ = registered()
    drain_outbox()
    asked = {"amount": 5000, "event_id": event["id"], "payment_method_id": 1}
    told = refused(client.send("POST /payments", asked | {"amount": 4000}), 409, "price_changed")
    assert told["prices"] == [5000.0]
    refused(client.send("POST /payments", {"amount": 5000}), 400)
    company = ok(manager.send("POST /clients", COMPANY), 201)
    for other in (company["id"], 99):
        refused(client.send("POST /payments", asked | {"client_id": other}), 404, "not_found")
    own = client.http.get("/api/v1/clients/me", headers={"Authorization": f"Bearer {client.token}"}).json()["id"]
    paid = ok(client.send("POST /payments", asked | {"client_id": own}), 201)
    assert (paid["event_id"], paid["amount"], paid["payment_method_id"]) == (event["id"], 5000.0, 1)
    drain_outbox()
    assert ok(client.send(f"GET /payments/{paid['id']}"))["status"] == "completed"
    (seat,) = ok(client.send(f"GET /events/{event['id']}/registrations"))
    assert (seat["status"], seat["payment_status"]) == ("confirmed", "paid")
    refused(client.send("POST /payments", asked), 409)
    free = happening(manager, **SOON)
    refused(client.send("POST /payments", asked | {"event_id": free["id"], "amount": 0}), 409, "nothing_to_pay")


@pytest.mark.usefixtures("background")
def test_a_page_of_payments_costs_what_one_payment_does(manager):
    card, event = ok(manager.send("POST /clients", COMPANY), 201), happening(manager)
    asked = PAYMENT | {"client_id": card["id"], "event_id": event["id"], "payment_method_id": 3}
    costs = []
    for _ in range(2):
        for _ in range(2):
            ok(manager.send("POST /payments", asked), 201)
        ok(manager.send("GET /payments"))
        with (
            CaptureQueriesContext(connections["contracts"]) as ours,
            CaptureQueriesContext(connections["payments"]) as theirs,
        ):
            ok(manager.send("GET /payments"))
        costs.append((len(ours), len(theirs)))
    assert costs[0] == costs[1]
    assert sum(costs[1]) <= 4
