"""Contract C: a gateway over users and orders."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contracts.lines import find_lines
from contracts.mapping import (
    Schema,
    Shape,
    const,
    each,
    inner,
    money,
    roles,
    show,
    status,
    take,
    uuid_of,
)  # fmt: skip
from contracts.people import read_person
from contracts.routes import Contract
from contracts.trips import Reply, Trip
from core.errors import DomainError, Forbidden, InvalidInput
from gateway.guards import breakers

STATUSES = {
    "created": "created", "awaiting_payment": "created",
    "paid": "processing", "in_progress": "processing", "ready": "processing",
    "completed": "completed", "returning": "completed",
    "cancelled": "cancelled", "refunded": "cancelled", "returned": "cancelled",
}  # fmt: skip
SAID = {"in_progress": "processing"}
"""The contract uses two words for one state; only the other one is ever shown."""
STEPS: dict[str, dict[str, tuple[str, ...]]] = {
    "processing": {"paid": ("in_progress",)},
    "completed": {"in_progress": ("ready", "completed"), "ready": ("completed",)},
}
"""Native steps to a state of the contract, by where the order is."""
ROLES = {"client": "user"}
CODES = {
    "validation_error": "VALIDATION_ERROR", "parse_error": "VALIDATION_ERROR", "not_authenticated": "UNAUTHORIZED",
    "invalid_token": "UNAUTHORIZED", "permission_denied": "FORBIDDEN", "transition_not_allowed": "FORBIDDEN",
    "throttled": "RATE_LIMIT_EXCEEDED", "too_many_failures": "RATE_LIMIT_EXCEEDED",
    "unavailable": "SERVICE_UNAVAILABLE", "wrong_credentials": "INVALID_CREDENTIALS",
}  # fmt: skip
RECENT = 5
SHOWN = ", ".join(dict.fromkeys(STATUSES.values()))
SERVICES = {"users_service": "accounts", "orders_service": "orders"}


class NotPaid(DomainError):
    """Work on an order begins once it is paid."""

    code = "order_not_paid"
    detail = gettext_lazy("The order is not paid yet.")


def c_errors(problem: Mapping[str, Any]) -> dict[str, Any]:
    """Word a refusal as the contract does: a code in capitals, within `error`."""
    code, rows = problem["code"], problem.get("errors") or []
    told = [f"{row['field']}: {row['detail']}" if row["field"] else row["detail"] for row in rows]
    error = {"code": CODES.get(code, code.upper()), "message": "; ".join(told) or problem["detail"]}
    known = {"type", "title", "status", "code", "detail", "errors", "request_id"}
    rest = {name: value for name, value in problem.items() if name not in known}
    return {"success": False, "error": error | ({"fields": rows} if rows else {}) | rest}


def _wrap(reply: Reply) -> Any:
    return reply.body if reply.is_bare else {"success": True, "data": reply.body} | reply.beside


def _describe_wrapped(schema: Schema) -> Schema:
    wrapped = {"success": {"const": True}, "data": schema}
    return {"type": "object", "properties": wrapped, "required": ["success", "data"]}


REFUSAL: Schema = {
    "type": "object",
    "properties": {
        "success": {"const": False},
        "error": {
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "fields": {"type": "array"}},
            "required": ["code", "message"],
        },
    },
    "required": ["success", "error"],
}
CONTRACT = Contract(
    "c", "Gateway over users and orders", errors=c_errors, token_seconds=86_400, envelope=_wrap,
    describe_envelope=_describe_wrapped, refusal_schema=REFUSAL, limit_names=("", "X-"), has_events=False,
)  # fmt: skip
USER = show("id", "email", "created_at", "updated_at", name="full_name", roles=roles(ROLES))
ITEM = show("quantity", product="name", price=money("unit_price"))
ORDER = show(
    "id", "created_at", "updated_at", user_id="customer_id", items=each(ITEM), status=status(STATUSES),
    total_amount=money,
)  # fmt: skip
PROFILE = take("email", name="full_name")
PAGE = take("page", page_size="page_size", per_page="page_size")
TOKEN_SECONDS = const(access_token_seconds=CONTRACT.token_seconds)

CONTRACT.route(
    "POST /v1/users/register", call="POST /auth/register", status=201, is_open=True, scope="login",
    request=take("email", "password", name="full_name"),
    answer=show(user=inner(USER)) | const(message="User registered successfully"),
    refusals={"email_taken": (400, "EMAIL_EXISTS")},
    example={"email": "ivan@example.com", "password": "secure_password", "name": "Ivan"},
)  # fmt: skip


@CONTRACT.handle(
    "POST /v1/users/login", call="POST /auth/login", is_open=True, scope="login",
    request=take("email", "password") | TOKEN_SECONDS, answer=show(token="access_token", user=inner(USER)),
    example={"email": "ivan@example.com", "password": "secure_password"},
)  # fmt: skip
def sign_in(trip: Trip) -> Reply:
    """Take a token, and show whose it is."""
    pair = trip.call("POST", "/auth/login", trip.take(trip.route.request or Shape({}))).data
    person = trip.call("GET", "/auth/me", token=pair["access_token"]).data
    return Reply({"token": pair["access_token"], "user": USER.out(person, trip.numbers)})


CONTRACT.route("GET /v1/users/profile", call="GET /users/me", answer=USER)
CONTRACT.route("PUT /v1/users/profile", call="PATCH /users/me", request=PROFILE, answer=USER)


def change_password(trip: Trip) -> Reply:
    """Change one's own password; a wrong old one is 401."""
    answered = trip.ask("PUT", "/users/me/password", trip.take(PASSWORDS))
    rows = (answered.data or {}).get("errors") or [] if answered.is_refusal else []
    if any(row["code"] == "wrong_password" for row in rows):
        answered.status, answered.data["code"] = 401, "wrong_credentials"
    if answered.is_refusal:
        trip.refuse(answered)
    return Reply({"message": "Password updated successfully"})


PASSWORDS = take("old_password", "new_password")
for _row in ("PUT /v1/users/password", "PUT /v1/users/profile/password"):
    CONTRACT.route(_row, call="PUT /users/me/password", request=PASSWORDS, handler=change_password)


def _read_page(trip: Trip, path: str, query: Mapping[str, Any], shape: Shape) -> Reply:
    """Show a counted page of a list, with `pagination` beside the data."""
    place = {"page": query.get("page", "1"), "page_size": query.get("page_size", "10")}
    page = trip.call("GET", path, query={**query, **place}).data
    size = int(place["page_size"])
    counted = {"page": int(place["page"]), "per_page": size, "total": page["total"], "pages": -(-page["total"] // size)}
    rows = [shape.out(row, trip.numbers) for row in page["results"]]
    return Reply(rows, beside={"pagination": counted})


@CONTRACT.handle(
    "GET /v1/users/search", call="GET /users/search", query=PAGE | take("query", q="query"), answer=USER, is_list=True
)
@CONTRACT.handle(
    "GET /v1/users", call="GET /users", query=PAGE | take("query", role=status(ROLES)), answer=USER, is_list=True
)
def list_users(trip: Trip) -> Reply:
    """Show a page of people, by words of their name or by role."""
    query = trip.take_query(trip.route.query)
    path = "/users/search" if "query" in query or trip.route.template.endswith("/search") else "/users"
    if path == "/users/search":
        query.pop("role", None)
    return _read_page(trip, path, query, USER)


@CONTRACT.handle("GET /v1/users/{user}", call="GET /users/{user}", answer=USER)
def read_user(trip: Trip) -> Reply:
    """Show somebody, unless they were erased."""
    return Reply(USER.out(read_person(trip), trip.numbers))


CONTRACT.route(
    "PUT /v1/users/{user}/roles", call="PUT /users/{user}/roles", request=take(roles=roles(ROLES)),
    answer=show(user=inner(USER)) | const(message="Roles updated successfully"),
    example={"roles": ["user", "admin"]},
)  # fmt: skip


@CONTRACT.handle("DELETE /v1/users/{user}", call="DELETE /users/{user}", answer=None)
def delete_user(trip: Trip) -> Reply:
    """Close an account, and show whose it was."""
    person = read_person(trip)
    trip.call("DELETE", trip.fill("/users/{user}"))
    return Reply({"message": "User deleted successfully", "deletedUser": USER.out(person, trip.numbers)})


WISHES = take(items=each(take("product", "quantity", price=money)))


@CONTRACT.handle(
    "POST /v1/orders", call="POST /orders", status=201, scope="order_create", request=WISHES, answer=ORDER,
    example={"items": [{"product": "Laptop", "quantity": 1, "price": 75000.0}]},
)  # fmt: skip
def place_order(trip: Trip) -> Reply:
    """Order products by their names; the prices that the client sends are what it expects."""
    given = trip.get_body()
    trip.reading.ignored += [name for name in given if name != "items"]
    lines, total = find_lines(trip, given.get("items"), name="product")
    answered = trip.call("POST", "/orders", {"items": lines, "expected_total": format(total, "f")})
    return trip.reply(answered, ORDER)


FILTERS = PAGE | take(
    "status",
    "sort_by",
    "sort_order",
    min_amount="min_total",
    max_amount="max_total",
    userId=uuid_of("user", "customer_id"),
)


@CONTRACT.handle("GET /v1/orders", call="GET /orders", query=FILTERS, answer=ORDER, is_list=True)
def list_orders(trip: Trip) -> Reply:
    """Show a page of orders."""
    query = trip.take_query(FILTERS)
    order = query.pop("sort_by", "created_at"), query.pop("sort_order", "desc")
    if order[0] not in ("created_at", "total_amount") or order[1] not in ("asc", "desc"):
        raise InvalidInput(
            "sort_by", "invalid", _("Order by one of: %(choices)s.") % {"choices": "created_at, total_amount"}
        )
    query["ordering"] = ("-" if order[1] == "desc" else "") + order[0]
    if "status" in query:
        query["status"] = _native_statuses(query["status"])
    return _read_page(trip, "/orders", query, ORDER)


def _native_statuses(word: str) -> list[str]:
    found = [ours for ours, theirs in STATUSES.items() if theirs == SAID.get(word, word)]
    if not found:
        raise InvalidInput("status", "invalid", _("One of: %(choices)s.") % {"choices": SHOWN})
    return found


@CONTRACT.handle("GET /v1/orders/my-stats", call="GET /orders/my-stats")
def show_own_figures(trip: Trip) -> Reply:
    """Count the caller's orders, and show the newest."""
    figures = trip.call("GET", "/orders/my-stats").data
    assert trip.person is not None
    own = {"customer_id": str(trip.person.id)}
    counted = {"total_orders": figures["count"], "by_status": _count_states(figures)}
    return Reply(
        {
            **counted,
            "total_spent": money.out(figures["sold_amount"], trip.numbers),
            "recent_orders": _read_recent(trip, own),
        }
    )


@CONTRACT.handle("GET /v1/orders/stats", call="GET /orders/stats")
def show_figures(trip: Trip) -> Reply:
    """Count all orders and what was sold, and show the newest."""
    figures = trip.call("GET", "/orders/stats").data
    sold, count = Decimal(figures["sold_amount"]), figures["sold_count"]
    mean = (sold / count).quantize(Decimal("0.01")) if count else Decimal(0)
    revenue = {"total": money.out(sold, trip.numbers), "average_order_value": money.out(mean, trip.numbers)}
    counted = {"total_orders": figures["count"], "by_status": _count_states(figures), "revenue": revenue}
    return Reply({**counted, "recent_orders": _read_recent(trip, {})})


def _count_states(figures: Mapping[str, Any]) -> dict[str, int]:
    counted = dict.fromkeys(STATUSES.values(), 0)
    for ours, count in figures["by_status"].items():
        counted[STATUSES[ours]] += count
    return counted


def _read_recent(trip: Trip, query: Mapping[str, Any]) -> list[Any]:
    rows = trip.call("GET", "/orders", query={**query, "page_size": RECENT}).data["results"]
    return [ORDER.out(row, trip.numbers) for row in rows]


CONTRACT.route("GET /v1/orders/{order}", call="GET /orders/{order}", answer=ORDER)


def move(trip: Trip, order: Mapping[str, Any], word: Any) -> None:
    """Take an order to a state, step by step. Raises CallRefused, Forbidden, InvalidInput."""
    wanted = SAID.get(word, word) if isinstance(word, str) else ""
    if wanted not in STATUSES.values():
        raise InvalidInput("status", "invalid", _("One of: %(choices)s.") % {"choices": SHOWN})
    assert trip.person is not None
    if wanted != "cancelled" and not trip.person.is_staff:
        raise Forbidden
    here = STATUSES[order["status"]]
    if wanted == here and wanted in ("created", "processing") and order["status"] != "paid":
        return
    path = f"/orders/{order['id']}"
    if wanted == "cancelled":
        trip.call("POST", f"{path}/cancel", {}, step="cancel")
        return
    if here == "created" and wanted != "created":
        raise NotPaid
    for step in STEPS.get(wanted, {}).get(order["status"], (wanted,)):
        trip.call("PUT", f"{path}/status", {"status": step})


def set_status(trip: Trip) -> Reply:
    """Move an order by the contract's word for its state."""
    order = trip.call("GET", trip.fill("/orders/{order}")).data
    move(trip, order, trip.take(take("status")).get("status"))
    return trip.reply(trip.call("GET", trip.fill("/orders/{order}")), ORDER)


STATUS = take("status")
for _row in ("PUT /v1/orders/{order}/status", "PUT /v1/{order}/status"):
    CONTRACT.route(
        _row, call="PUT /orders/{order}/status", request=STATUS, answer=ORDER, handler=set_status,
        example={"status": "cancelled"},
    )  # fmt: skip


@CONTRACT.handle(
    "PUT /v1/orders/{order}", call="PATCH /orders/{order}", request=STATUS | WISHES, answer=ORDER,
    example={"status": "cancelled"},
)  # fmt: skip
def change_order(trip: Trip) -> Reply:
    """Change the lines of an order, for staff, or its state."""
    order = trip.call("GET", trip.fill("/orders/{order}")).data
    given = trip.get_body()
    trip.reading.ignored += [name for name in given if name not in ("items", "status")]
    if "items" not in given and "status" not in given:
        raise InvalidInput("status", "required", _("This field is required."))
    if "items" in given:
        _change_lines(trip, order, given["items"])
    if "status" in given:
        move(trip, trip.call("GET", trip.fill("/orders/{order}")).data, given["status"])
    return trip.reply(trip.call("GET", trip.fill("/orders/{order}")), ORDER)


def _change_lines(trip: Trip, order: Mapping[str, Any], given: Any) -> None:
    """Put other lines in the place of those there are: what stays is counted anew, what is not named goes."""
    assert trip.person is not None
    if not trip.person.is_staff:
        raise Forbidden
    lines, total = find_lines(trip, given, name="product")
    wanted = {line["product_id"]: line["quantity"] for line in lines}
    kept = [{"id": item["id"], "quantity": wanted.pop(item["product_id"], 0)} for item in order["items"]]
    new = [{"product_id": product, "quantity": quantity} for product, quantity in wanted.items()]
    wishes = {"items": [*new, *kept], "expected_total": format(total, "f")}
    trip.call("PATCH", trip.fill("/orders/{order}"), wishes)


@CONTRACT.handle("DELETE /v1/orders/{order}", call="DELETE /orders/{order}")
def delete_order(trip: Trip) -> Reply:
    """Hide an order, and show what it was."""
    found = trip.ask("GET", trip.fill("/orders/{order}"))
    trip.call("DELETE", trip.fill("/orders/{order}"))
    return Reply({"message": "Order deleted successfully", "deletedOrder": ORDER.out(found.data, trip.numbers)})


def _describe_breakers() -> dict[str, Any]:
    standing = {row["name"]: row for row in breakers.standing() if row["kind"] == "database"}
    shown = {name: standing.get(alias, {"state": "closed", "failures": 0}) for name, alias in SERVICES.items()}
    return {name: {"state": row["state"].replace("-", "_"), "failures": row["failures"]} for name, row in shown.items()}


@CONTRACT.handle("GET /health", call="GET /health", is_open=True)
def show_health(trip: Trip) -> Reply:
    """Say that the gateway answers, and how what it stands on does; without the envelope."""
    told = {"status": "OK", "service": "api_gateway", "timestamp": timezone.now().isoformat()}
    return Reply(told | {"circuit_breakers": _describe_breakers()}, is_bare=True)


@CONTRACT.handle("GET /metrics", call="GET /health")
def show_metrics(trip: Trip) -> Reply:
    """Show the breakers to whoever is signed in."""
    told = {"circuit_breakers": _describe_breakers(), "timestamp": timezone.now().isoformat()}
    return Reply(told, is_bare=True)
