"""Contract E: orders on an event bus, paid in the background."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contracts.cards import choose_card
from contracts.forms import detail_errors
from contracts.lines import find_lines
from contracts.mapping import const, each, money, number, refuse_unless_amount, show, status, take
from contracts.routes import Contract
from contracts.trips import Reply, Trip
from contracts.waiting import take_place
from core.errors import DomainError, Forbidden, InvalidInput
from gateway.guards import guard
from gateway.guards.address import client_address

STATUSES = {
    "created": "PENDING", "awaiting_payment": "PENDING",
    "paid": "PAID", "in_progress": "PAID", "ready": "PAID",
    "completed": "SHIPPED", "returning": "SHIPPED",
    "cancelled": "CANCELED", "refunded": "CANCELED", "returned": "CANCELED",
}  # fmt: skip
SHOWN = ", ".join(dict.fromkeys(STATUSES.values()))
STEPS = {"in_progress": ("ready", "completed"), "ready": ("completed",)}
UNDER_WAY = {"pending", "processing", "unknown", "requires_action"}
EMAIL_TAKEN = (400, "email_taken", "Email already registered")
WRONG_SIGN_IN = (401, "wrong_credentials", "Incorrect email or password")


class PaymentRequired(DomainError):
    """The order is not paid: the bank has refused, has not said yet, or waits for the payer on its page."""

    code = "payment_required"
    detail: Any = gettext_lazy("The order is not paid yet.")


def _count_endpoint(trip: Trip) -> None:
    """Count a request under /orders/ by its address and route, besides what counts anyway. Raises TooManyRequests."""
    if not trip.route.template.startswith("/orders"):
        return
    who = f"{client_address(trip.request.META)}:{trip.route.method} {trip.route.template}"
    try:
        guard.check(None, who, "contract_e")
    except guard.TooManyRequests as error:
        refused: Any = error
        refused.detail = "Rate limit exceeded"
        raise


CONTRACT = Contract(
    "e", "Orders on an event bus", errors=detail_errors, token_seconds=1800, guard=_count_endpoint
)  # fmt: skip
ITEM = show("name", "quantity", price=money("unit_price"))
ORDER = show(
    "id", "created_at", user_id=number("user", "customer_id"), items=each(ITEM), total_price=money("total_amount"),
    status=status(STATUSES),
)  # fmt: skip
TOKENS = show("access_token", "token_type", "refresh_token", "expires_in")
LIFE = const(access_token_seconds=CONTRACT.token_seconds)

CONTRACT.route(
    "POST /auth/register", call="POST /auth/register", is_open=True, scope="login", request=take("email", "password"),
    answer=const(msg="User created") | show(user_id=number("user", "id")), refusals={"email_taken": EMAIL_TAKEN},
    example={"email": "test@example.com", "password": "testpassword123"},
)  # fmt: skip
CONTRACT.route(
    "POST /auth/token", call="POST /auth/token", is_open=True, is_form=True, scope="login",
    request=take("username", "password") | LIFE, answer=TOKENS, refusals={"wrong_credentials": WRONG_SIGN_IN},
)  # fmt: skip


@CONTRACT.handle("GET /health", call="GET /health", is_open=True)
def show_health(trip: Trip) -> Reply:
    """Say that the service answers."""
    return Reply({"status": "ok"})


@CONTRACT.handle("GET /auth/google/login", call="GET /auth/google/login", is_open=True)
def begin_google(trip: Trip) -> Reply:
    """Show where to sign in, and leave the cookie with the state; it is good on the way back to either address."""
    departure = trip.call("GET", "/auth/google/login")
    for cookie in trip.cookies.values():
        cookie["path"] = "/"
    return Reply({"login_url": departure.headers["Location"]})


CONTRACT.route(
    "GET /auth/callback/google", call="GET /auth/google/callback", is_open=True, scope="login",
    query=take("state", "code", "error") | LIFE, answer=TOKENS,
)  # fmt: skip
WISHES = take(items=each(take("name", "quantity", price=money)), total_price=money("expected_total"))


@CONTRACT.handle(
    "POST /orders", call="POST /orders", scope="order_create", request=WISHES, answer=ORDER,
    example={"items": [{"name": "Item 1", "price": 10.0, "quantity": 2}], "total_price": 20.0},
)  # fmt: skip
def place_order(trip: Trip) -> Reply:
    """Order products by their names, to be paid in the background where there is a card to pay with."""
    given = trip.get_body()
    trip.reading.ignored += [name for name in given if name not in WISHES.fields]
    if given.get("total_price") is None:
        raise InvalidInput("total_price", "required", _("This field is required."))
    stated = refuse_unless_amount(given["total_price"], "total_price")
    lines, total = find_lines(trip, given.get("items"), name="name", stated=stated)
    body: dict[str, Any] = {"items": lines, "expected_total": format(total, "f")}
    card = choose_card(trip, {}, is_own=True)
    if card:
        body["payment"] = {"method": "card", **card}
    return trip.reply(trip.call("POST", "/orders", body, step="order"), ORDER)


CONTRACT.route("GET /orders/{order}", call="GET /orders/{order}", answer=ORDER)


@CONTRACT.handle("GET /orders/user/{user}", call="GET /orders", answer=ORDER, is_list=True)
def list_orders(trip: Trip) -> Reply:
    """Show the caller's own orders. Raises Forbidden for anybody else's."""
    assert trip.person is not None
    if trip.get_id("user") != trip.person.id:
        raise Forbidden
    return trip.read_list("/orders", None, {"customer_id": str(trip.person.id)})


def _read(trip: Trip) -> dict[str, Any]:
    order: dict[str, Any] = trip.call("GET", trip.fill("/orders/{order}")).data
    return order


@CONTRACT.handle(
    "PATCH /orders/{order}", call="PUT /orders/{order}/status", request=take("status"), answer=ORDER,
    example={"status": "PAID"},
)  # fmt: skip
def set_status(trip: Trip) -> Reply:
    """Move an order by the contract's word for its state; paid is an order only once the money is there."""
    order, word = _read(trip), trip.take(take("status")).get("status")
    if not isinstance(word, str) or word not in STATUSES.values():
        raise InvalidInput("status", "invalid", _("One of: %(choices)s.") % {"choices": SHOWN})
    if word != STATUSES[order["status"]]:
        _STEPS[word](trip, order)
    return Reply(ORDER.out(_read(trip), trip.numbers))


def _go_back(trip: Trip, order: Mapping[str, Any]) -> None:
    trip.call("PUT", f"/orders/{order['id']}/status", {"status": "created"})


def _cancel(trip: Trip, order: Mapping[str, Any]) -> None:
    trip.call("POST", f"/orders/{order['id']}/cancel", {}, step="cancel")


def _hand_over(trip: Trip, order: Mapping[str, Any]) -> None:
    assert trip.person is not None
    if not trip.person.is_staff:
        raise Forbidden
    for step in STEPS.get(order["status"], ("completed",)):
        trip.call("PUT", f"/orders/{order['id']}/status", {"status": step})


def _pay(trip: Trip, order: Mapping[str, Any]) -> None:
    """Wait for a payment under way, or start one. Raises PaymentRequired, CallRefused, Unavailable."""
    if STATUSES[order["status"]] != "PENDING":
        _go_to_paid(trip, order)
        return
    with take_place() as wait:
        payment = _find_payment(trip, order) or _start_payment(trip, order)
        while STATUSES[_read(trip)["status"]] == "PENDING":
            payment = trip.call("GET", f"/payments/{payment['id']}").data
            if payment["status"] in ("failed", "cancelled"):
                raise PaymentRequired(payment["failure_detail"], failure_code=payment["failure_code"])
            if payment["status"] == "requires_action" or not wait.goes_on():
                raise PaymentRequired(action_url=payment["action_url"])


def _go_to_paid(trip: Trip, order: Mapping[str, Any]) -> None:
    trip.call("PUT", f"/orders/{order['id']}/status", {"status": "paid"})


def _find_payment(trip: Trip, order: Mapping[str, Any]) -> dict[str, Any] | None:
    query = {"order_id": order["id"], "page_size": 100}
    payments = trip.call("GET", "/payments", query=query).data["results"]
    return next((one for one in payments if one["status"] in UNDER_WAY), None)


def _start_payment(trip: Trip, order: Mapping[str, Any]) -> dict[str, Any]:
    """Charge the card that there is; where there is none, open the provider's page for one."""
    assert trip.person is not None
    card = choose_card(trip, {}, is_own=order["customer_id"] == str(trip.person.id))
    body = {"order_id": order["id"], "method": "card", **card}
    started: dict[str, Any] = trip.call("POST", "/payments", body, step="pay").data
    return started


_STEPS = {"PENDING": _go_back, "PAID": _pay, "SHIPPED": _hand_over, "CANCELED": _cancel}
