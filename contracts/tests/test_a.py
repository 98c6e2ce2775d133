"""Contract A as its clients send it: every row, and its refusals."""

import pytest

from contracts.tests.client import DATABASES, PASSWORD, Speaker, member, on_sale
from core.ids import uuid7
from financing.tests import make as loans
from messaging.testing import drain_outbox

pytestmark = pytest.mark.django_db(databases=DATABASES)
NEW = {
    "email": "user@example.com", "full_name": "Ivan Ivanov", "password": PASSWORD, "phone": "+7-999-123-45-67",
    "role": "client",
}  # fmt: skip
CREDIT = {
    "vehicle_price": 2000000.00, "down_payment": 400000.00, "term_months": 36, "financing_type": "car_loan",
    "employment_status": "employed", "monthly_income": 80000.00,
}  # fmt: skip
KASKO = {
    "insurance_type": "kasko", "coverage_amount": 2000000.00, "vehicle_make": "Toyota", "vehicle_model": "Camry",
    "vehicle_year": 2023, "vehicle_vin": "1HGCM82633A123456",
}  # fmt: skip


def ok(answer, status=200):
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json"), answer.content.decode()
    return answer.json()


def refused(answer, status, code=None):
    body = ok(answer, status)
    assert body["detail"]
    assert code is None or body["code"] == code, body
    return body


def registered(email="user@example.com"):
    client = Speaker("a")
    user = ok(client.send("POST /auth/register", NEW | {"email": email}), 201)
    client.token = ok(client.send("POST /auth/token", form=f"username={email}&password={PASSWORD}"))["access_token"]
    return client, user


def ordered(client, price="2000000.00"):
    """An order of contract B, by its number, whose stock is held."""
    product = on_sale("Toyota Camry", price)
    shop = Speaker("b", client.token)
    order = ok(shop.send("POST /order", {"items": [{"product_id": str(product.id), "quantity": 1}]}), 201)
    drain_outbox()
    return order["id"]


def test_accounts():
    client, user = registered()
    assert set(user) == {"id", "email", "full_name", "phone", "role", "is_active", "created_at"}
    assert (user["role"], isinstance(user["id"], int)) == ("client", True)
    assert ok(client.send("GET /auth/me")) == user
    refused(client.send("POST /auth/register", NEW), 409, "email_taken")
    refused(
        client.send("POST /auth/register", NEW | {"email": "m@example.com", "role": "manager"}), 403, "role_not_allowed"
    )
    weak = refused(client.send("POST /auth/register", NEW | {"email": "w@example.com", "password": "password123"}), 400)
    assert weak["errors"][0]["code"] == "password_too_common"
    refused(client.send("POST /auth/token", form="username=user@example.com&password=wrong"), 401)
    pair = ok(client.send("POST /auth/token", form=f"username=user@example.com&password={PASSWORD}"))
    assert pair["token_type"] == "bearer"
    again = ok(client.send("POST /auth/refresh", {"refresh_token": pair["refresh_token"]}))
    assert set(again) == {"access_token", "refresh_token", "token_type", "expires_in"}
    refused(Speaker("a").send("GET /auth/me"), 401)


def test_payments():
    client, _ = registered()
    order = ordered(client)
    wish = {"order_id": order, "amount": 2000000.00, "method": "card", "description": "Car"}
    payment = ok(client.send("POST /payment/payments", wish), 201)
    assert (payment["order_id"], payment["amount"], payment["method"]) == (order, 2000000.00, "card")
    drain_outbox()
    read = ok(client.send(f"GET /payment/payments/{payment['id']}"))
    assert (read["status"], read["refunded_amount"]) == ("completed", 0.0)
    assert [one["id"] for one in ok(client.send("GET /payment/payments"))] == [payment["id"]]
    assert ok(client.send(f"GET /payment/payments?order_id={order}")) == [read]
    refused(client.send(f"POST /payment/payments/{payment['id']}/refund", {"reason": "?"}), 403)
    stranger, _ = registered("stranger@example.com")
    for found in (payment["id"], 999, uuid7()):
        refused(stranger.send(f"GET /payment/payments/{found}"), 404, "not_found")
    for unknown in (order, 999, str(uuid7())):
        refused(stranger.send("POST /payment/payments", wish | {"order_id": unknown}), 404, "not_found")


def test_where_there_is_no_card_the_providers_page_asks_for_one(settings):
    settings.CONTRACT_CARD_TOKEN = ""
    client, _ = registered()
    wish = {"order_id": ordered(client), "amount": 2000000, "method": "card"}
    payment = ok(client.send("POST /payment/payments", wish), 201)
    drain_outbox()
    shown = ok(client.send(f"GET /payment/payments/{payment['id']}"))
    assert (shown["status"], shown["action_url"].startswith("http")) == ("requires_action", True)


def test_an_application_for_a_loan():
    loans.programme()
    client, _ = registered()
    order = ordered(client)
    made = ok(client.send("POST /financing/applications", CREDIT | {"order_id": order}), 201)
    assert (made["order_id"], made["vehicle_price"], made["term_months"]) == (order, 2000000.0, 36)
    assert ok(client.send(f"GET /financing/applications/{made['id']}"))["id"] == made["id"]
    stranger, _ = registered("stranger@example.com")
    refused(stranger.send(f"GET /financing/applications/{made['id']}"), 404, "not_found")
    refused(stranger.send(f"GET /financing/applications/{made['id']}/schedule"), 404, "not_found")
    refused(client.send("POST /financing/applications", CREDIT | {"order_id": 999}), 404, "not_found")
    refused(client.send("POST /financing/applications", {}), 400)


def test_a_quote_and_its_policy():
    client, _ = registered()
    order = ordered(client)
    quote = ok(client.send("POST /insurance/quotes", KASKO | {"order_id": order}), 201)
    assert (quote["order_id"], quote["coverage_amount"], quote["insurance_type"]) == (order, 2000000.0, "kasko")
    assert quote["premium"] > 0
    policy = ok(client.send(f"POST /insurance/quotes/{quote['id']}/purchase", {}), 201)
    assert policy["quote_id"] == quote["id"]
    assert [one["id"] for one in ok(client.send("GET /insurance/policies"))] == [policy["id"]]
    assert ok(client.send(f"GET /insurance/policies/{policy['id']}"))["premium"] == policy["premium"]
    stranger, _ = registered("stranger@example.com")
    for unknown in (order, 999, str(uuid7())):
        refused(stranger.send("POST /insurance/quotes", KASKO | {"order_id": unknown}), 404, "not_found")
    refused(stranger.send(f"GET /insurance/policies/{policy['id']}"), 404, "not_found")
    refused(stranger.send(f"POST /insurance/quotes/{quote['id']}/purchase", {}), 404, "not_found")


def test_managers_pay_with_no_card_of_their_own():
    client, _ = registered()
    wish = {"order_id": ordered(client), "amount": 2000000, "method": "cash"}
    manager, _ = member("a", "manager")
    assert ok(manager.send("POST /payment/payments", wish), 201)["method"] == "cash"
