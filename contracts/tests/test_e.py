"""Contract E as its clients send it: every row, its script, its limit and its refusals."""

import re

import pytest

from contracts import waiting
from contracts.tests.client import DATABASES, Speaker, member, on_sale, speaker
from core.ids import uuid7
from messaging.testing import drain_outbox

pytestmark = pytest.mark.django_db(databases=DATABASES)
PASSWORD = "testpassword123"
WISH = {"items": [{"name": "Item 1", "price": 10.0, "quantity": 2}, {"name": "Item 2", "price": 20.0, "quantity": 1}]}
WISH |= {"total_price": 40.0}


def ok(answer, status=200):
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json"), answer.content
    return answer.json()


def refused(answer, status, code=None):
    body = ok(answer, status)
    assert body["detail"]
    assert code is None or body["code"] == code, body
    return body


def registered(email="test@example.com"):
    client = Speaker("e")
    made = ok(client.send("POST /auth/register/", {"email": email, "password": PASSWORD}))
    assert set(made) == {"msg", "user_id"}
    client.token = ok(client.send("POST /auth/token/", form=f"username={email}&password={PASSWORD}"))["access_token"]
    return client, made["user_id"]


@pytest.fixture
def goods():
    return on_sale("Item 1", "10.00", stock=100), on_sale("Item 2", "20.00", stock=100)


@pytest.fixture
def background(monkeypatch):
    """Let events and calls flow while the façade waits, as workers would."""
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: drain_outbox())


def cut(text, name):
    """Cut a value out of an answer as the script of the contract does."""
    return re.search(rf'"{name}":"([^"]*)"', text)[1]


@pytest.mark.usefixtures("goods")
def test_the_script_of_the_contract():
    client = Speaker("e")
    client.send("POST /auth/register/", {"email": "test@example.com", "password": PASSWORD})
    text = client.send("POST /auth/token/", form=f"username=test@example.com&password={PASSWORD}").content.decode()
    client.token = cut(text, "access_token")
    text = client.send("POST /orders/", WISH).content.decode()
    order_id = cut(text, "id")
    assert cut(text, "status") == "PENDING"
    assert len(re.findall(r'"(?:id|status)":', text)) == 2
    drain_outbox()
    assert cut(client.send(f"GET /orders/{order_id}/").content.decode(), "status") == "PAID"


def test_health_and_accounts():
    assert ok(Speaker("e").send("GET /health")) == {"status": "ok"}
    client, number = registered()
    assert isinstance(number, int)
    taken = client.send("POST /auth/register/", {"email": "test@example.com", "password": PASSWORD})
    assert refused(taken, 400)["detail"] == "Email already registered"
    wrong = client.send("POST /auth/token/", form="username=test@example.com&password=wrong-password")
    assert refused(wrong, 401)["detail"] == "Incorrect email or password"
    weak = refused(client.send("POST /auth/register/", {"email": "a@example.com", "password": "test123"}), 400)
    assert {row["code"] for row in weak["errors"]} == {"password_too_short", "password_too_common"}
    pair = ok(client.send("POST /auth/token", form=f"username=test@example.com&password={PASSWORD}"))
    assert (pair["token_type"], pair["expires_in"]) == ("bearer", 1800)


@pytest.mark.usefixtures("goods")
def test_an_order_is_its_buyers():
    client, number = registered()
    order = ok(client.send("POST /orders/", WISH))
    assert set(order) == {"id", "user_id", "items", "total_price", "status", "created_at"}
    assert (order["user_id"], order["total_price"]) == (number, 40.0)
    assert order["items"][0] == {"name": "Item 1", "price": 10.0, "quantity": 2}
    assert ok(client.send(f"GET /orders/user/{number}/")) == [order]
    stranger, _ = registered("stranger@example.com")
    refused(stranger.send(f"GET /orders/user/{number}/"), 403)
    refused(stranger.send("GET /orders/user/999/"), 403)
    for found in (order["id"], uuid7(), "7", "x"):
        refused(stranger.send(f"GET /orders/{found}/"), 404, "not_found")
        refused(stranger.send(f"PATCH /orders/{found}/", {"status": "CANCELED"}), 404, "not_found")
    refused(Speaker("e").send("POST /orders/", WISH), 401)


@pytest.mark.usefixtures("goods")
@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"total_price": 41}, 400, "validation_error"),
        ({"total_price": None}, 400, "validation_error"),
        ({"items": []}, 400, "validation_error"),
        ({"items": [{"name": "Item 1", "price": 5, "quantity": 1}], "total_price": 5}, 409, "price_changed"),
        ({"items": [{"name": "Item 9", "price": 5, "quantity": 1}], "total_price": 5}, 400, "unknown_product"),
        ({"items": [{"name": "Item 1", "price": 10, "quantity": 101}], "total_price": 1010}, 409, "insufficient_stock"),
    ],
)
def test_what_cannot_be_ordered_says_why(changes, status, code):
    client, number = registered()
    refused(client.send("POST /orders/", WISH | changes), status, code)
    assert ok(client.send(f"GET /orders/user/{number}")) == []


@pytest.mark.usefixtures("goods", "background")
def test_paid_is_what_the_bank_says(settings):
    settings.CONTRACT_CARD_TOKEN = ""
    client, _ = registered()
    order = ok(client.send("POST /orders/", WISH))
    drain_outbox()
    path = f"/orders/{order['id']}/"
    assert ok(client.send(f"GET {path}"))["status"] == "PENDING"
    pages = {refused(client.send(f"PATCH {path}", {"status": "PAID"}), 409)["action_url"] for _ in range(2)}
    assert len(pages) == 1
    assert ok(client.send(f"PATCH {path}", {"status": "PENDING"}))["status"] == "PENDING"
    refused(client.send(f"PATCH {path}", {"status": "EATEN"}), 400)
    refused(client.send(f"PATCH {path}", {"status": "SHIPPED"}), 403)
    settings.CONTRACT_CARD_TOKEN = "tok_success"
    other = f"/orders/{ok(client.send('POST /orders/', WISH))['id']}/"
    drain_outbox()
    assert ok(client.send(f"PATCH {other}", {"status": "PAID"}))["status"] == "PAID"
    refused(client.send(f"PATCH {other}", {"status": "PENDING"}), 409)


@pytest.mark.usefixtures("goods")
def test_only_two_wait_at_once():
    client, _ = registered()
    path = f"/orders/{ok(client.send('POST /orders/', WISH))['id']}/"
    with waiting.take_place(), waiting.take_place():
        busy = client.send(f"PATCH {path}", {"status": "PAID"})
    refused(busy, 503, "unavailable")
    assert busy["Retry-After"] == "2"


@pytest.mark.usefixtures("goods", "background")
def test_a_declined_card_is_said_so(settings):
    client, _ = registered()
    settings.CONTRACT_CARD_TOKEN = ""
    order = ok(client.send("POST /orders/", WISH))
    drain_outbox()
    settings.CONTRACT_CARD_TOKEN = "tok_declined"
    refused(client.send(f"PATCH /orders/{order['id']}/", {"status": "PAID"}), 409)
    assert ok(client.send(f"GET /orders/{order['id']}/"))["status"] in ("PENDING", "CANCELED")


@pytest.mark.usefixtures("goods")
def test_a_buyer_cancels_and_a_manager_hands_over():
    client, _ = registered()
    order = ok(client.send("POST /orders/", WISH))
    drain_outbox()
    manager, _ = member("e", "manager")
    refused(client.send(f"PATCH /orders/{order['id']}/", {"status": "SHIPPED"}), 403)
    refused(manager.send(f"PATCH /orders/{order['id']}/", {"status": "SHIPPED"}), 409)
    other = ok(client.send("POST /orders/", WISH))
    assert ok(client.send(f"PATCH /orders/{other['id']}/", {"status": "CANCELED"}))["status"] == "CANCELED"


def test_the_limit_is_of_the_address_and_the_endpoint(settings):
    settings.RATE_LIMITS_ON = True
    client, number = registered()
    statuses = [client.send(f"GET /orders/user/{number}/").status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    told = client.send(f"GET /orders/user/{number}/")
    assert told.json()["detail"] == "Rate limit exceeded"
    assert int(told["Retry-After"]) > 0
    assert client.send(f"GET /orders/{uuid7()}/").status_code == 404
    other = speaker("e", "client")
    other.http = client.http
    assert other.send("GET /orders/user/1/").status_code == 429


def test_pages_of_this_machine_may_call_in_debug(settings):
    settings.DEBUG = True
    client = Speaker("e")
    answer = client.send("GET /health", Origin="http://localhost:3000")
    assert answer["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert "Access-Control-Allow-Origin" not in client.send("GET /health", Origin="http://elsewhere.example")
    assert "Access-Control-Allow-Origin" not in Speaker("c").send("GET /health", Origin="http://localhost:3000")


def test_the_way_by_google_keeps_its_state():
    refused(Speaker("e").send("GET /auth/callback/google?code=x"), 400)
