"""Contract B: a shop of three services, users, catalogue and orders."""

import hashlib
import secrets
import string
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from contracts.forms import detail_errors
from contracts.mapping import Reading, const, each, highest, inner, number, show, take, uuid_of, whole
from contracts.people import read_person
from contracts.routes import Contract
from contracts.trips import Reply, Trip

CONTRACT = Contract("b", "Shop of three services", errors=detail_errors, token_seconds=1800)
ROLES = {"admin": "ADMIN", "client": "USER"}
SIGN_IN = take("username", "password") | const(access_token_seconds=CONTRACT.token_seconds)
USER = show("id", "username", "email", role=highest(ROLES))
CATEGORY = show(number("category"), "name", "level", parent_id=number("category"))
PRODUCT = show(number("product"), "name", price=whole, storage_quantity="stock", category_id=number("category"))
ITEM = show(
    number("order_item"), order_id=number("order"), product_id=number("product"), product_quantity="quantity",
    product=inner(show("name", id=number("product", "product_id"), price=whole("unit_price"))),
)  # fmt: skip
ORDER = show(
    number("order"), "total_quantity", "created_at", user_id="customer_id", items=each(ITEM),
    user=inner(show("id", "username", "email"), "user"),
)  # fmt: skip
_LETTERS = string.ascii_uppercase


def _make_sku(reading: Reading) -> str:
    """Return a new code of a product; the same for a request that is sent again under its Idempotency-Key."""
    if not reading.key:
        return "B-" + "".join(secrets.choice(_LETTERS) for _ in range(10))
    digest = hashlib.sha256(reading.key.encode()).digest()
    return "B-" + "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:10])


def _parent_back(value: Any, reading: Reading, name: str) -> Any:
    return None if value in (0, "0", "") else uuid_of("category").back(value, reading, name)


CONTRACT.route(
    "POST /api/v1/auth/register", call="POST /auth/register", status=201, is_open=True, scope="login",
    request=take("username", "email", "password"), answer=USER,
    example={"username": "testuser", "email": "testuser@example.com", "password": "securepassword123"},
)  # fmt: skip
CONTRACT.route(
    "POST /api/v1/auth/login", call="POST /auth/login", is_open=True, scope="login", request=SIGN_IN,
    answer=show("access_token", "token_type", "refresh_token", "expires_in"),
    example={"username": "testuser", "password": "securepassword123"},
)  # fmt: skip
CONTRACT.route(
    "POST /api/v1/auth/verify", call="POST /auth/verify", is_open=True, request=take("token"),
    answer=show("valid", "user_id", "username", role=highest(ROLES)),
)  # fmt: skip
CONTRACT.route("GET /api/v1/users/me", call="GET /users/me", answer=USER)
CONTRACT.route("PUT /api/v1/users/me", call="PATCH /users/me", request=take("username", "email"), answer=USER)
CONTRACT.route("GET /api/v1/users", call="GET /users", answer=USER, is_list=True)


@CONTRACT.handle("GET /", call="GET /health", is_open=True)
def show_health(trip: Trip) -> Reply:
    """Say that the service answers."""
    return Reply({"status": "ok"})


@CONTRACT.handle("GET /api/v1/users/{user}", call="GET /users/{user}", answer=USER)
def read_user(trip: Trip) -> Reply:
    """Show somebody, unless they were erased."""
    return Reply(USER.out(read_person(trip), trip.numbers))


@CONTRACT.handle("DELETE /api/v1/users/{user}", call="DELETE /users/{user}")
def delete_user(trip: Trip) -> Reply:
    """Close an account."""
    read_person(trip)
    trip.call("DELETE", trip.fill("/users/{user}"))
    return Reply({"message": "User deleted successfully"})


CONTRACT.route(
    "POST /api/v1/category", call="POST /categories", status=201, answer=CATEGORY,
    request=take("name", parent_id=replace(uuid_of("category"), back=_parent_back)),
    example={"name": "Sedans", "parent_id": 0},
)  # fmt: skip
CONTRACT.route("GET /api/v1/categories", call="GET /categories", answer=CATEGORY, is_list=True)
CONTRACT.route(
    "POST /api/v1/product", call="POST /products", status=201, answer=PRODUCT,
    request=take("name", price=whole, quantity="stock", category_id=uuid_of("category"))
    | const(kind="accessory", sku=_make_sku),
    example={"name": "Mat", "price": 30000, "quantity": 50, "category_id": 1},
)  # fmt: skip
CONTRACT.route("GET /api/v1/products", call="GET /products", answer=PRODUCT, is_list=True)
OF_CATEGORY = take(id=uuid_of("category", "category_exact"))


@CONTRACT.handle(
    "GET /api/v1/products_with_category", call="GET /products", query=OF_CATEGORY, answer=PRODUCT, is_list=True
)
def list_products(trip: Trip) -> Reply:
    """Show the products of exactly one category."""
    found = trip.require_query(OF_CATEGORY, "id")["category_exact"]
    trip.call("GET", f"/categories/{found}")
    return trip.read_list("/products", OF_CATEGORY)


ORDERED = take(
    user_id=uuid_of("user", "customer_id"), items=each(take("quantity", product_id=uuid_of("product")), "items")
)


def _with_items(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return an order whose items say whose they are."""
    return {**order, "items": [{**item, "order_id": order["id"]} for item in order["items"]]}


def _read_buyer(trip: Trip, customer_id: str) -> dict[str, Any]:
    """Return whose order it is; to whoever may not read people, the id alone."""
    assert trip.person is not None
    path = "/users/me" if customer_id == str(trip.person.id) else f"/users/{customer_id}"
    found = trip.ask("GET", path)
    return {"id": customer_id} if found.is_refusal else dict(found.data)


def _show_order(trip: Trip, order: Mapping[str, Any], status: int) -> Reply:
    whose = {"user": _read_buyer(trip, order["customer_id"])}
    return Reply(ORDER.out(_with_items(order) | whose, trip.numbers), status)


@CONTRACT.handle(
    "POST /order", call="POST /orders", status=201, scope="order_create", request=ORDERED, answer=ORDER,
    example={"user_id": "00000000-0000-7000-8000-000000000000", "items": [{"product_id": 1, "quantity": 2}]},
)  # fmt: skip
def place_order(trip: Trip) -> Reply:
    """Order for oneself, or as an administrator for somebody else."""
    answered = trip.ask("POST", "/orders", trip.take(ORDERED), step="order")
    rows = (answered.data.get("errors") or []) if answered.is_refusal else []
    if any((row["field"], row["code"]) == ("customer_id", "not_allowed") for row in rows):
        answered.status, answered.data["code"] = 403, "permission_denied"
    if answered.is_refusal:
        trip.refuse(answered)
    return _show_order(trip, answered.data, answered.status)


@CONTRACT.handle("GET /order/{order}", call="GET /orders/{order}", answer=ORDER)
def read_order(trip: Trip) -> Reply:
    """Show an order with its buyer."""
    return _show_order(trip, trip.call("GET", trip.fill("/orders/{order}")).data, 200)


CHANGED = take("quantity", order_item_id=uuid_of("order_item", "id"))


@CONTRACT.handle(
    "PUT /update_order/{order}", call="PATCH /orders/{order}/items/{item}", request=CHANGED, answer=ITEM,
    example={"order_item_id": 1, "quantity": 3},
)  # fmt: skip
def change_item(trip: Trip) -> Reply:
    """Change how many of a line are ordered; what says so stands in the body or in the query."""
    given = trip.take(CHANGED, {**trip.get_query(), **trip.get_body()})
    trip.require(given, CHANGED, "order_item_id", "quantity")
    item = given.pop("id")
    changed = trip.call("PATCH", f"{trip.fill('/orders/{order}')}/items/{item}", given).data
    (line,) = [one for one in _with_items(changed)["items"] if one["id"] == item]
    return Reply(ITEM.out(line, trip.numbers))
