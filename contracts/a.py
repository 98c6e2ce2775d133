"""Contract A: a dealership of microservices, whose clients sign in, pay, borrow and insure."""

from typing import Any

from contracts.calling import Native
from contracts.cards import choose_card
from contracts.forms import detail_errors
from contracts.mapping import Ours, highest, money, number, show, take, uuid_of
from contracts.routes import Contract
from contracts.trips import NothingThere, Reply, Trip

CONTRACT = Contract("a", "Dealership microservices", errors=detail_errors)
ROLES = {"admin": "admin", "manager": "manager", "client": "client"}
USER = show(number("user"), "email", "full_name", "phone", "is_active", "created_at", role=highest(ROLES))
TOKENS = show("access_token", "refresh_token", "token_type", "expires_in")
PAYMENT, APPLICATION, QUOTE, POLICY = Ours("payment"), Ours("application"), Ours("quote"), Ours("policy")
ORDER_ID = uuid_of("order")

CONTRACT.route(
    "POST /auth/register", call="POST /auth/register", status=201, is_open=True, scope="login", answer=USER,
    request=take("email", "full_name", "password", "phone", "role"),
    example={
        "email": "user@example.com", "full_name": "Ivan Ivanov", "password": "securepassword123",
        "phone": "+7-999-123-45-67", "role": "client",
    },
)  # fmt: skip
CONTRACT.route(
    "POST /auth/token", call="POST /auth/token", is_open=True, is_form=True, scope="login",
    request=take("username", "password"), answer=TOKENS,
)  # fmt: skip
CONTRACT.route(
    "POST /auth/refresh", call="POST /auth/refresh", is_open=True, request=take("refresh_token"), answer=TOKENS
)
CONTRACT.route("GET /auth/me", call="GET /auth/me", answer=USER)
PAID = take(
    "method", "currency", "description", "token", order_id=ORDER_ID, amount=money,
    payment_method_id=uuid_of("payment_method"),
)  # fmt: skip


@CONTRACT.handle(
    "POST /payment/payments", call="POST /payments", status=201, request=PAID, answer=PAYMENT,
    example={"order_id": 1, "amount": 1500000.00, "method": "card", "description": "Payment for a car"},
)  # fmt: skip
def pay(trip: Trip) -> Reply:
    """Pay for an order; where no card is named, by the one that there is, else on the provider's page."""
    body = trip.take(PAID)
    if body.get("method") == "card" and not (body.get("token") or body.get("payment_method_id")):
        body |= choose_card(trip, {}, is_own=_is_own(trip, body.get("order_id")))
    answered = ask_for_order(trip, "/payments", body)
    if answered.is_refusal:
        trip.refuse(answered)
    return trip.reply(answered, PAYMENT)


def ask_for_order(trip: Trip, path: str, body: dict[str, Any]) -> Native:
    """Ask for something about an order. Raises NotFound for one that the caller may not see: never "try again"."""
    answered = trip.ask("POST", path, body, step="order")
    is_early = answered.is_refusal and answered.data["code"] == "order_not_ready"
    if is_early and trip.ask("GET", f"/orders/{body['order_id']}").is_refusal:
        raise NothingThere("order_id")
    return answered


def answer_for_order(trip: Trip) -> Reply:
    """Answer a row about an order by the one native call of its table."""
    assert trip.route.request is not None
    answered = ask_for_order(trip, trip.route.call.partition(" ")[2], trip.take(trip.route.request))
    if answered.is_refusal:
        trip.refuse(answered)
    return trip.reply(answered, trip.route.answer)


def _is_own(trip: Trip, order_id: Any) -> bool:
    """Tell whether the order is the caller's: a client may pay for no other."""
    assert trip.person is not None
    if not trip.person.is_staff:
        return True
    found = trip.ask("GET", f"/orders/{order_id}")
    return not found.is_refusal and found.data["customer_id"] == str(trip.person.id)


OF_ORDER = take("status", order_id=ORDER_ID)
CONTRACT.route("GET /payment/payments", call="GET /payments", query=OF_ORDER, answer=PAYMENT, is_list=True)
CONTRACT.route("GET /payment/payments/{payment}", call="GET /payments/{payment}", answer=PAYMENT)
CONTRACT.route(
    "POST /payment/payments/{payment}/refund", call="POST /payments/{payment}/refund", status=201,
    request=take("reason", amount=money), answer=Ours("refund"),
)  # fmt: skip
CONTRACT.route(
    "POST /financing/applications", call="POST /financing/applications", status=201, answer=APPLICATION,
    handler=answer_for_order,
    request=take(
        "term_months", "financing_type", "employment_status", "birth_date", "vehicle_year", order_id=ORDER_ID,
        vehicle_price=money, down_payment=money, monthly_income=money, monthly_obligations=money,
    ),
    example={
        "order_id": 1, "vehicle_price": 2000000.00, "down_payment": 400000.00, "term_months": 36,
        "financing_type": "car_loan", "employment_status": "employed", "monthly_income": 80000.00,
    },
)  # fmt: skip
CONTRACT.route(
    "GET /financing/applications/{application}", call="GET /financing/applications/{application}", answer=APPLICATION
)
CONTRACT.route(
    "GET /financing/applications/{application}/schedule", call="GET /financing/applications/{application}/schedule",
    answer=APPLICATION,
)  # fmt: skip
CONTRACT.route(
    "POST /insurance/quotes", call="POST /insurance/quotes", status=201, answer=QUOTE, handler=answer_for_order,
    request=take(
        "insurance_type", "vehicle_make", "vehicle_model", "vehicle_year", "vehicle_vin", "term_months", "region",
        "city", "drivers", "engine_power", "start_date", order_id=ORDER_ID, coverage_amount=money, vehicle_value=money,
        deductible=money,
    ),
    example={
        "order_id": 1, "insurance_type": "kasko", "coverage_amount": 2000000.00, "vehicle_make": "Toyota",
        "vehicle_model": "Camry", "vehicle_year": 2023, "vehicle_vin": "1HGCM82633A123456",
    },
)  # fmt: skip
BOUGHT = take("payment", "variant")


@CONTRACT.handle(
    "POST /insurance/quotes/{quote}/purchase", call="POST /insurance/quotes/{quote}/purchase", status=201,
    request=BOUGHT, answer=POLICY,
)  # fmt: skip
def buy(trip: Trip) -> Reply:
    """Buy a policy; where no payment is named, by the caller's card, else on the provider's page."""
    body = trip.take(BOUGHT)
    if body.get("payment") in (None, "card", {"method": "card"}):
        body["payment"] = {"method": "card", **choose_card(trip, {}, is_own=True)}
    return trip.reply(trip.call("POST", trip.fill("/insurance/quotes/{quote}/purchase"), body, step="buy"), POLICY)


CONTRACT.route("GET /insurance/policies", call="GET /insurance/policies", answer=POLICY, is_list=True)
CONTRACT.route("GET /insurance/policies/{policy}", call="GET /insurance/policies/{policy}", answer=POLICY)
