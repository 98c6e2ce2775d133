"""Contract C as its clients send it: every row, its refusals, and the program of 14 cases that comes with it."""

from decimal import Decimal

import jwt
import pytest

from catalog.tests import make as goods
from contracts.tests.client import DATABASES, PASSWORD, Speaker, member, on_sale, speaker
from messaging.testing import drain_outbox

pytestmark = pytest.mark.django_db(databases=DATABASES)
ORDER_FIELDS = {"id", "user_id", "items", "status", "total_amount", "created_at", "updated_at"}
USER_FIELDS = {"id", "email", "name", "roles", "created_at", "updated_at"}


def data(answer, status=200):
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    assert body["success"] is True
    return body["data"]


def refusal(answer, status, code):
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json"), answer.content
    body = answer.json()
    assert body["success"] is False
    assert body["error"]["code"] == code, body
    assert body["error"]["message"]
    return body["error"]


def registered(email="ivan@example.com"):
    client = Speaker("c")
    data(client.send("POST /v1/users/register", {"email": email, "password": PASSWORD, "name": "Ivan"}), 201)
    told = data(client.send("POST /v1/users/login", {"email": email, "password": PASSWORD}))
    client.token = told["token"]
    return client, told["user"]


def placed(client, **fields):
    on_sale("Laptop")
    item = {"product": "Laptop", "quantity": 1, "price": 75000.00} | fields
    return data(client.send("POST /v1/orders", {"items": [item]}), 201)


def test_a_hundred_items_are_one_order():
    made = [goods.product(name=f"Part {place}", price=Decimal(10), stock=5, kind="accessory") for place in range(100)]
    drain_outbox()
    client, _ = registered()
    said = [made[0].name, *(str(product.id) for product in made[1:])]
    items = [{"product": text, "quantity": 2, "price": 10} for text in said]
    order = data(client.send("POST /v1/orders", {"items": items}), 201)
    assert (len(order["items"]), order["total_amount"]) == (100, 2000.0)
    assert data(client.send(f"GET /v1/orders/{order['id']}"))["items"] == order["items"]
    told = refusal(client.send("POST /v1/orders", {"items": [*items, items[0]]}), 400, "VALIDATION_ERROR")
    assert "100" in told["message"]


def test_the_program_of_fourteen_cases(settings):
    settings.RATE_LIMITS_ON = True
    on_sale("Laptop")
    on_sale("Mouse", "1500.50")
    client = Speaker("c")
    health = client.send("GET /health").json()
    assert (health["status"], health["circuit_breakers"]["users_service"]["state"]) == ("OK", "closed")
    refusal(client.send("GET /v1/users/profile"), 401, "UNAUTHORIZED")
    wrong = {"email": "nobody@example.com", "password": "wrong-password"}
    refusal(client.send("POST /v1/users/login", wrong), 401, "INVALID_CREDENTIALS")
    short = {"email": "short@example.com", "password": "123", "name": "Short"}
    refusal(client.send("POST /v1/users/register", short), 400, "VALIDATION_ERROR")
    new = {"email": "test@example.com", "password": "secure_password", "name": "Test User"}
    assert set(data(client.send("POST /v1/users/register", new), 201)["user"]) == USER_FIELDS
    client.token = data(client.send("POST /v1/users/login", new | {}))["token"]
    assert data(client.send("GET /v1/users/profile"))["name"] == "Test User"
    items = [
        {"product": "Laptop", "quantity": 1, "price": 75000.00},
        {"product": "Mouse", "quantity": 2, "price": 1500.50},
    ]
    order = data(client.send("POST /v1/orders", {"items": items}), 201)
    assert (order["total_amount"], order["status"]) == (78001.0, "created")
    assert data(client.send(f"GET /v1/orders/{order['id']}")) == order
    listed = client.send("GET /v1/orders?page=1&per_page=10").json()
    assert listed["pagination"] == {"page": 1, "per_page": 10, "total": 1, "pages": 1}
    assert listed["data"] == [order]
    moved = data(client.send(f"PUT /v1/orders/{order['id']}/status", {"status": "cancelled"}))
    assert moved["status"] == "cancelled"
    figures = data(client.send("GET /v1/orders/my-stats"))
    assert figures["total_orders"] == 1
    statuses = []
    for number in range(15):
        burst = {"email": f"burst{number}@example.com", "password": "secure_password", "name": "Burst"}
        statuses.append(client.send("POST /v1/users/register", burst).status_code)
    assert statuses == [201] * (statuses.count(201)) + [429] * statuses.count(429)
    assert 5 <= statuses.count(429) < 15


def test_a_token_lives_a_day_and_says_who_it_is():
    client, user = registered()
    claims = jwt.decode(client.token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 86_400
    assert (claims["user_id"], claims["email"], claims["roles"]) == (user["id"], "ivan@example.com", ["client"])


def test_common_passwords_and_taken_addresses_are_refused():
    client = Speaker("c")
    common = {"email": "a@example.com", "password": "password123", "name": "A"}
    told = refusal(client.send("POST /v1/users/register", common), 400, "VALIDATION_ERROR")
    assert [(row["field"], row["code"]) for row in told["fields"]] == [("password", "password_too_common")]
    assert told["message"].startswith("password: ")
    registered("taken@example.com")
    again = {"email": "taken@example.com", "password": PASSWORD, "name": "B"}
    refusal(client.send("POST /v1/users/register", again), 400, "EMAIL_EXISTS")


def test_ones_own_profile_and_password():
    client, _ = registered()
    assert data(client.send("PUT /v1/users/profile", {"name": "Пётр", "shoe": 43}))["name"] == "Пётр"
    assert client.send("PUT /v1/users/profile", {"name": "Пётр", "shoe": 43})["X-Ignored-Fields"] == "shoe"
    for path in ("/v1/users/password", "/v1/users/profile/password"):
        wrong = {"old_password": "not-this-one", "new_password": "another-good-one"}
        refusal(client.send(f"PUT {path}", wrong), 401, "INVALID_CREDENTIALS")
    right = {"old_password": PASSWORD, "new_password": "another-good-one"}
    assert data(client.send("PUT /v1/users/password", right))["message"]


def test_users_are_for_administrators():
    client, user = registered()
    for row in ("GET /v1/users", "GET /v1/users/search?query=ivan", f"GET /v1/users/{user['id']}"):
        refusal(client.send(row), 403, "FORBIDDEN")
    admin, _ = member("c", "admin")
    listed = admin.send("GET /v1/users?page=1&per_page=1&role=user").json()
    assert (listed["pagination"]["per_page"], len(listed["data"])) == (1, 1)
    for row in ("GET /v1/users/search?query=ivan", "GET /v1/users/search?q=ivan", "GET /v1/users?query=ivan"):
        assert [found["email"] for found in data(admin.send(row))] == ["ivan@example.com"]
    assert set(data(admin.send(f"GET /v1/users/{user['id']}"))) == USER_FIELDS
    raised = data(admin.send(f"PUT /v1/users/{user['id']}/roles", {"roles": ["user", "admin"]}))["user"]
    assert sorted(raised["roles"]) == ["admin", "user"]
    _, other = member("c")
    gone = data(admin.send(f"DELETE /v1/users/{other.id}"))
    assert gone["deletedUser"]["id"] == str(other.id)
    refusal(admin.send(f"GET /v1/users/{other.id}"), 404, "NOT_FOUND")


def test_an_order_is_its_buyers_and_the_administrators():
    client, _ = registered()
    order = placed(client)
    assert set(order) == ORDER_FIELDS
    assert order["items"] == [{"product": "Laptop", "quantity": 1, "price": 75000.0}]
    stranger, _ = registered("stranger@example.com")
    for found in (order["id"], "00000000-0000-7000-8000-000000000000", "17", "nonsense"):
        refusal(stranger.send(f"GET /v1/orders/{found}"), 404, "NOT_FOUND")
        refusal(stranger.send(f"PUT /v1/orders/{found}/status", {"status": "cancelled"}), 404, "NOT_FOUND")
    admin, _ = member("c", "admin")
    assert data(admin.send(f"GET /v1/orders/{order['id']}")) == order
    assert data(admin.send(f"GET /v1/orders?userId={order['user_id']}")) == [order]
    assert data(admin.send("GET /v1/orders/stats"))["total_orders"] == 1
    refusal(client.send("GET /v1/orders/stats"), 403, "FORBIDDEN")


@pytest.mark.parametrize("path", ["/v1/orders/{}/status", "/v1/{}/status", "/v1/orders/{}"])
def test_a_buyer_may_only_cancel(path):
    client, _ = registered()
    order = placed(client)
    for word in ("processing", "completed", "in_progress"):
        refusal(client.send(f"PUT {path.format(order['id'])}", {"status": word}), 403, "FORBIDDEN")
    refusal(client.send(f"PUT {path.format(order['id'])}", {"status": "eaten"}), 400, "VALIDATION_ERROR")
    assert data(client.send(f"PUT {path.format(order['id'])}", {"status": "cancelled"}))["status"] == "cancelled"


def test_an_administrator_moves_an_order_that_is_paid():
    client, _ = registered()
    order = placed(client)
    admin, _ = member("c", "admin")
    refusal(admin.send(f"PUT /v1/orders/{order['id']}/status", {"status": "processing"}), 409, "ORDER_NOT_PAID")
    assert data(admin.send(f"PUT /v1/orders/{order['id']}/status", {"status": "created"})) == order


def test_lines_are_changed_by_administrators():
    client, _ = registered()
    order = placed(client)
    items = [{"product": "Laptop", "quantity": 2, "price": 75000}]
    refusal(client.send(f"PUT /v1/orders/{order['id']}", {"items": items}), 403, "FORBIDDEN")
    admin, _ = member("c", "admin")
    assert data(admin.send(f"PUT /v1/orders/{order['id']}", {"items": items}))["total_amount"] == 150000.0


def test_deleting_is_for_administrators():
    client, _ = registered()
    order = placed(client)
    refusal(client.send(f"DELETE /v1/orders/{order['id']}"), 403, "FORBIDDEN")
    data(client.send(f"PUT /v1/orders/{order['id']}/status", {"status": "cancelled"}))
    admin, _ = member("c", "admin")
    assert data(admin.send(f"DELETE /v1/orders/{order['id']}"))["deletedOrder"]["id"] == order["id"]
    refusal(admin.send(f"GET /v1/orders/{order['id']}"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("item", "status", "code"),
    [
        ({"price": 70000}, 409, "PRICE_CHANGED"),
        ({"product": "Unheard of"}, 400, "UNKNOWN_PRODUCT"),
        ({"product": 5}, 400, "UNKNOWN_PRODUCT"),
        ({"quantity": 11}, 409, "INSUFFICIENT_STOCK"),
        ({"quantity": 0}, 400, "VALIDATION_ERROR"),
        ({"quantity": "two"}, 400, "VALIDATION_ERROR"),
        ({"price": "dear"}, 400, "VALIDATION_ERROR"),
        ({"price": None}, 400, "VALIDATION_ERROR"),
    ],
)
def test_what_cannot_be_ordered_says_why(item, status, code):
    client, _ = registered()
    on_sale("Laptop")
    wish = {"product": " laptop ", "quantity": 1, "price": 75000.00} | item
    told = refusal(client.send("POST /v1/orders", {"items": [wish]}), status, code)
    if code == "PRICE_CHANGED":
        assert told["prices"] == [75000.0]
    assert data(client.send("GET /v1/orders")) == []


@pytest.mark.parametrize("body", ["{", "[]", '{"items": []}', '{"items": 5}', '{"items": [5]}', "{}", '{"items": NaN}'])
def test_malformed_orders_are_invalid_input(body):
    client, _ = registered()
    refusal(client.send("POST /v1/orders", body), 400, "VALIDATION_ERROR")


def test_a_product_goes_by_its_number_its_id_and_its_sku_too():
    client, _ = registered()
    product = on_sale("Wheel", "100.00", sku="WH-7")
    for name in (str(product.id), "wh-7", "WHEEL"):
        order = data(client.send("POST /v1/orders", {"items": [{"product": name, "quantity": 1, "price": "100"}]}), 201)
        assert order["items"][0]["product"] == "Wheel"


def test_of_products_of_one_name_the_price_chooses():
    client, _ = registered()
    on_sale("Mat", "10.00", stock=1)
    on_sale("Mat", "20.00", stock=9)
    wish = {"items": [{"product": "Mat", "quantity": 3, "price": 20}]}
    assert data(client.send("POST /v1/orders", wish), 201)["total_amount"] == 60.0


def test_forms_of_refusals_that_no_route_makes():
    client, _ = registered()
    refusal(client.send("GET /v1/nowhere"), 404, "NOT_FOUND")
    answer = client.send("DELETE /v1/orders")
    refusal(answer, 405, "METHOD_NOT_ALLOWED")
    assert set(answer["Allow"].split(", ")) == {"GET", "POST"}
    forged = Speaker("c", client.token[:-4] + "AAAA")
    refusal(forged.send("GET /v1/users/profile"), 401, "UNAUTHORIZED")
    refusal(client.send("POST /v1/orders", form="items=1"), 415, "UNSUPPORTED_MEDIA_TYPE")
    for row in ("GET /v1/users/profile/", "GET /v1/orders/", "GET /health/"):
        assert client.send(row).status_code == 200, row
    assert "sessionid" not in client.http.cookies
    assert "csrftoken" not in client.http.cookies


def test_a_request_is_counted_once_whatever_it_calls(settings):
    settings.RATE_LIMITS_ON = True
    client, _ = member("c")
    first = client.send("GET /v1/orders/my-stats")
    second = client.send("GET /v1/orders/my-stats")
    assert int(first["RateLimit-Remaining"]) - int(second["RateLimit-Remaining"]) == 1
    assert second["X-RateLimit-Remaining"] == second["RateLimit-Remaining"]
    for _ in range(98):
        client.send("GET /metrics")
    told = refusal(client.send("GET /metrics"), 429, "RATE_LIMIT_EXCEEDED")
    assert isinstance(told["retry_after"], int)


def test_metrics_are_for_whoever_is_signed_in():
    refusal(Speaker("c").send("GET /metrics"), 401, "UNAUTHORIZED")
    assert "circuit_breakers" in speaker("c", "client").send("GET /metrics").json()
