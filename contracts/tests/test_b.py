"""Contract B as its clients send it: every row, and its refusals."""

import pytest

from contracts.tests.client import DATABASES, PASSWORD, Speaker, member, on_sale, speaker
from core.ids import uuid7
from messaging.testing import drain_outbox

pytestmark = pytest.mark.django_db(databases=DATABASES)


def ok(answer, status=200):
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json"), answer.content
    return answer.json()


def refused(answer, status, code=None):
    body = ok(answer, status)
    assert body["detail"]
    assert code is None or body["code"] == code, body
    return body


def registered(name="testuser"):
    client = Speaker("b")
    new = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    user = ok(client.send("POST /api/v1/auth/register", new), 201)
    client.token = ok(client.send("POST /api/v1/auth/login", {"username": name, "password": PASSWORD}))["access_token"]
    return client, user


def test_health_of_each_service():
    assert ok(Speaker("b").send("GET /")) == {"status": "ok"}
    assert ok(Speaker("b").send("GET ")) == {"status": "ok"}


def test_registration_sign_in_and_verification():
    client, user = registered()
    assert set(user) == {"id", "username", "email", "role"}
    assert user["role"] == "USER"
    new = {"username": "testuser", "email": "other@example.com", "password": PASSWORD}
    refused(client.send("POST /api/v1/auth/register", new), 409, "username_taken")
    wrong = {"username": "testuser", "password": "wrong-password"}
    refused(client.send("POST /api/v1/auth/login", wrong), 401)
    verified = ok(client.send("POST /api/v1/auth/verify", {"token": client.token}))
    assert verified == {"valid": True, "user_id": user["id"], "role": "USER", "username": "testuser"}
    nothing = {"valid": False, "user_id": None, "role": None, "username": None}
    assert ok(client.send("POST /api/v1/auth/verify", {"token": "x.y.z"})) == nothing
    pair = ok(client.send("POST /api/v1/auth/login", {"username": "testuser", "password": PASSWORD}))
    assert (pair["token_type"], pair["expires_in"]) == ("bearer", 1800)


def test_users():
    client, user = registered()
    assert ok(client.send("GET /api/v1/users/me")) == user
    assert ok(client.send("PUT /api/v1/users/me", {"username": "renamed"}))["email"] == user["email"]
    for row in ("GET /api/v1/users/", f"GET /api/v1/users/{user['id']}", f"DELETE /api/v1/users/{user['id']}"):
        refused(client.send(row), 403)
        refused(Speaker("b").send(row), 401)
    admin, own = member("b", "admin")
    listed = ok(admin.send("GET /api/v1/users/"))
    assert {one["role"] for one in listed} == {"ADMIN", "USER"}
    assert ok(admin.send(f"GET /api/v1/users/{own.id}"))["role"] == "ADMIN"
    _, other = member("b")
    assert ok(admin.send(f"DELETE /api/v1/users/{other.id}"))["message"]
    refused(admin.send(f"GET /api/v1/users/{other.id}"), 404)


def test_the_catalogue():
    admin = speaker("b", "admin")
    cars = ok(admin.send("POST /api/v1/category", {"name": "Cars", "parent_id": 0}), 201)
    assert (cars["parent_id"], cars["level"]) == (None, 0)
    below = ok(admin.send("POST /api/v1/category", {"name": "Mats", "parent_id": cars["id"]}), 201)
    assert (below["parent_id"], below["level"]) == (cars["id"], 1)
    new = {"name": "Mat", "price": 30000, "quantity": 50, "category_id": below["id"]}
    product = ok(admin.send("POST /api/v1/product", new), 201)
    assert product == {
        "id": product["id"], "name": "Mat", "price": 30000, "storage_quantity": 50, "category_id": below["id"],
    }  # fmt: skip
    client, _ = registered()
    assert {one["id"] for one in ok(client.send("GET /api/v1/categories"))} == {cars["id"], below["id"]}
    assert ok(client.send("GET /api/v1/products")) == [product]
    assert ok(client.send(f"GET /api/v1/products_with_category?id={below['id']}")) == [product]
    assert ok(client.send(f"GET /api/v1/products_with_category?id={cars['id']}")) == []
    refused(client.send("GET /api/v1/products_with_category?id=999"), 404)
    refused(client.send("GET /api/v1/products_with_category"), 400)
    refused(client.send("POST /api/v1/category", {"name": "Mine"}), 403)
    refused(client.send("POST /api/v1/product", new), 403)
    refused(Speaker("b").send("GET /api/v1/products"), 401)
    for unknown in (999, "999", str(uuid7()), "many"):
        told = refused(admin.send("POST /api/v1/product", new | {"category_id": unknown}), 404, "not_found")
        assert told["errors"] == [{"field": "category_id", "code": "not_found", "detail": told["errors"][0]["detail"]}]
    assert refused(admin.send("POST /api/v1/product", new | {"quantity": -1}), 400)["errors"][0]["field"] == "quantity"


def test_a_product_is_made_once_for_its_key():
    admin = speaker("b", "admin")
    new = {"name": "Mat", "price": 30000, "quantity": 50}
    first = ok(admin.send("POST /api/v1/product", new, Idempotency_Key="k1"), 201)
    assert ok(admin.send("POST /api/v1/product", new, Idempotency_Key="k1"), 201) == first


def test_names_that_no_header_holds_are_told_without_harm():
    client, _ = registered()
    strange = {"size\r\nSet-Cookie: a=b": 1, "\x01\x7f": 2, "цвет": 3, "x" * 2000: 4}
    answer = client.send("PUT /api/v1/users/me", {"username": "renamed"} | strange)
    assert ok(answer)["username"] == "renamed"
    told = answer["X-Ignored-Fields"]
    assert told.startswith("size??Set-Cookie: a=b, ??, ????, xxx")
    assert (len(told), answer.cookies) == (1000, {})
    assert client.send("GET /api/v1/products?a%0D%0Ab=1")["X-Ignored-Fields"] == "a??b"


def test_orders():
    client, user = registered()
    product = on_sale("Mat", "30000.00", stock=5)
    listed = ok(client.send("GET /api/v1/products"))[0]["id"]
    wish = {"user_id": user["id"], "items": [{"product_id": listed, "quantity": 2}]}
    order = ok(client.send("POST /order", wish), 201)
    assert order["user"] == {"id": user["id"], "username": "testuser", "email": "testuser@example.com"}
    (item,) = order["items"]
    assert item == {
        "id": item["id"], "order_id": order["id"], "product_id": listed, "product_quantity": 2,
        "product": {"id": listed, "name": "Mat", "price": 30000},
    }  # fmt: skip
    assert ok(client.send(f"GET /order/{order['id']}")) == order
    drain_outbox()
    changed = ok(client.send(f"PUT /update_order/{order['id']}", {"order_item_id": item["id"], "quantity": 3}))
    assert changed["product_quantity"] == 3
    drain_outbox()
    query = f"order_item_id={item['id']}&quantity=1"
    assert ok(client.send(f"PUT /update_order/{order['id']}?{query}"))["product_quantity"] == 1
    refused(client.send(f"PUT /update_order/{order['id']}", {"order_item_id": 99, "quantity": 1}), 404)
    refused(client.send(f"PUT /update_order/{order['id']}", {"quantity": 1}), 400)
    stranger, _ = registered("stranger")
    for found in (order["id"], 999, uuid7()):
        refused(stranger.send(f"GET /order/{found}"), 404, "not_found")
        refused(stranger.send(f"PUT /update_order/{found}", {"order_item_id": item["id"], "quantity": 1}), 404)
    refused(stranger.send("POST /order", wish), 403)
    admin, _ = member("b", "admin")
    assert ok(admin.send("POST /order", wish), 201)["user_id"] == user["id"]
    told = refused(client.send("POST /order", {"items": [{"product_id": 999, "quantity": 1}]}), 404)
    assert told["errors"][0]["field"] == "items.0.product_id"
    assert product.pk


def test_a_list_leads_on_where_there_is_more(settings):
    settings.CONTRACT_LIST_ROWS = 2
    admin = speaker("b", "admin")
    for name in ("One", "Two", "Three"):
        ok(admin.send("POST /api/v1/product", {"name": name, "price": 1, "quantity": 1}), 201)
    first = admin.send("GET /api/v1/products")
    assert [one["name"] for one in ok(first)] == ["Three", "Two"]
    link = first["Link"].partition(">")[0].removeprefix("</contracts/b")
    rest = admin.send(f"GET {link}")
    assert [one["name"] for one in ok(rest)] == ["One"]
    assert "Link" not in rest
    refused(admin.send("GET /api/v1/products?limit=3"), 400)
    assert len(ok(admin.send("GET /api/v1/products?limit=1"))) == 1


def test_a_number_is_found_by_whoever_may_read_the_object():
    client, user = registered()
    order = on_sale("Mat", "1.00")
    made = ok(client.send("POST /order", {"items": [{"product_id": str(order.pk), "quantity": 1}]}), 201)
    get = client.http.get
    token = {"Authorization": f"Bearer {client.token}"}
    shown = get(f"/contracts/ids/order/{made['id']}", headers=token).json()
    assert get(f"/contracts/ids/order/{shown['uuid']}/", headers=token).json() == shown
    assert (shown["kind"], shown["id"]) == ("order", made["id"])
    assert get(f"/contracts/ids/user/{user['id']}", headers=token).status_code == 200
    assert get(f"/contracts/ids/order/{made['id']}").status_code == 401
    stranger = {"Authorization": f"Bearer {registered('stranger')[0].token}"}
    for path in (f"order/{made['id']}", f"user/{user['id']}", "order/99", "nothing/1", f"order_item/{uuid7()}"):
        assert get(f"/contracts/ids/{path}", headers=stranger).status_code == 404, path
