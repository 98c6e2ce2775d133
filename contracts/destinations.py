"""The events that each contract promises, and the names under which its clients listen for them."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from contracts.mapping import Schema
from contracts.numbers import get_numbers
from core.outside.destinations import Destination, Reshape

Event = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_UUID: Schema = {"type": "string", "format": "uuid"}
_NUMBER: Schema = {"type": "integer", "minimum": 1}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _number(kind: str, given: str) -> int:
    key = (kind, UUID(given))
    return get_numbers([key])[key]


# B: fanout exchanges of people, and a queue of products ---------------------------------------------------------------
def tell_user(event: Event) -> Event | None:
    """A person as contract B knows people; facts of releases that did not name the person tell nothing."""
    data = event["data"]
    if not data.get("email"):
        return None
    role = "ADMIN" if "admin" in data["roles"] else "USER"
    return {"id": data["user_id"], "username": data.get("username", ""), "email": data["email"], "role": role}


def tell_deleted(event: Event) -> Event:
    """Nothing but whose account is gone."""
    return {"id": event["data"]["user_id"]}


def tell_product(event: Event) -> Event:
    """A product as contract B knows products."""
    data, price = event["data"], Decimal(event["data"]["price"])
    category = data.get("category_id")
    return {
        "id": _number("product", data["product_id"]),
        "name": data["name"],
        "price": int(price) if price == int(price) else float(price),
        "storage_quantity": data["available"],
        "category_id": _number("category", category) if category else None,
    }


USER = _object(id=_UUID, username=_TEXT, email=_TEXT, role={"type": "string", "enum": ["USER", "ADMIN"]})
PRODUCT = _object(
    id=_NUMBER, name=_TEXT, price={"type": "number"}, storage_quantity={"type": "integer"},
    category_id={"type": ["integer", "null"]},
)  # fmt: skip


# E: a topic of new orders ---------------------------------------------------------------------------------------------
def tell_order(event: Event) -> Event:
    """A new order, whose it is and when it came."""
    data = event["data"]
    return {
        "order_id": data["order_id"],
        "user_id": _number("user", data["customer_id"]),
        "timestamp": event["time"],
    }


ORDER = _object(order_id=_UUID, user_id=_NUMBER, timestamp={"type": "string", "format": "date-time"})


def _fanout(name: str, body: Reshape, schema: Schema, *events: str) -> Destination:
    return Destination(driver="amqp", kind="fanout", name=name, events=events, body=body, schema=schema)


def _topic(name: str, *events: str) -> Destination:
    return Destination(driver="kafka", name=name, events=events)


DESTINATIONS: dict[str, tuple[Destination, ...]] = {
    "a": (
        Destination(
            driver="amqp", name="autosalon", events=("payment.created", "financing.approved", "insurance.purchased")
        ),
    ),
    "b": (
        _fanout("user_created", tell_user, USER, "user.registered", "user.created"),
        _fanout("user_updated", tell_user, USER, "user.updated", "user.role_changed"),
        _fanout("user_deleted", tell_deleted, _object(id=_UUID), "user.deleted"),
        Destination(
            driver="amqp", kind="queue", name="product.created", events=("product.created",), body=tell_product,
            schema=PRODUCT,
        ),
    ),
    "d": (
        _topic("user-events", "user.created", "user.updated", "user.deactivated", "user.role_changed"),
        _topic("user.deactivated", "user.deactivated"),
        _topic("user.role_changed", "user.role_changed"),
        _topic("auth.user.registered", "user.registered"),
        _topic("auth.user.login", "user.logged_in"),
        _topic("auth.user.logout", "user.logged_out"),
        _topic("event-events", "event.created", "event.updated", "event.cancelled"),
        _topic("event-registrations", "event.registration.created", "event.registration.cancelled"),
        _topic("resource-events", "resource.created", "resource.updated", "resource.allocated", "resource.released"),
        _topic("resource-allocations", "resource.allocated", "resource.released"),
        _topic("client-events", "client.created", "client.updated", "client.contact.added", "client.activity.logged"),
        _topic("payment-events", "payment.created", "payment.completed", "payment.failed", "payment.refunded"),
    ),
    "e": (
        Destination(driver="kafka", name="new_order", events=("order.created",), body=tell_order, schema=ORDER),
    ),
}  # fmt: skip
