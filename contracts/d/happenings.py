"""Contract D's events: happenings and who comes to them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from contracts.d.table import CONTRACT, TEXT, say
from contracts.mapping import made, moment, money, number, show, status, take, uuid_of
from contracts.trips import Reply, Trip
from core.errors import Forbidden

EVENT_STATES = ("scheduled", "active", "completed", "cancelled")
SEATS = {"confirmed": "confirmed", "offered": "pending", "waitlisted": "pending", "cancelled": "cancelled"}
MONEY = {
    "none": "unpaid", "pending": "unpaid", "failed": "unpaid", "paid": "paid", "refunding": "refunded",
    "refunded": "refunded",
}  # fmt: skip


def _tell_state(event: Mapping[str, Any]) -> str:
    """Say how an event stands now: what the clock changes, we do not write down."""
    if event["status"] == "cancelled":
        return "cancelled"
    now = timezone.now()
    if now < datetime.fromisoformat(event["start_date"]):
        return "scheduled"
    return "active" if now < datetime.fromisoformat(event["end_date"]) else "completed"


EVENT = show(
    number("event"), "title", "description", "start_date", "end_date", "location", "capacity", "created_at",
    "updated_at", event_id=number("event", "id"), price=money, category_id=number("event_category"),
    status=made(_tell_state, TEXT | {"enum": list(EVENT_STATES)}),
)  # fmt: skip
WRITTEN = take(
    "title", "description", "location", "capacity", start_date=moment, end_date=moment, price=money,
    category_id=uuid_of("event_category"),
)  # fmt: skip
EXAMPLE = {
    "title": "Conference", "description": "A day of talks", "start_date": "2023-12-01T10:00:00",
    "end_date": "2023-12-01T18:00:00", "location": "Moscow", "capacity": 100, "category_id": 1,
}  # fmt: skip
REGISTRATION = show(
    number("registration"), registration_id=number("registration", "id"), event_id=number("event"),
    user_id=number("user"), status=status(SEATS), payment_status=status(MONEY, "payment_state"),
    registration_date="created_at",
)  # fmt: skip

CONTRACT.route("GET /events", call="GET /events", query=take("status"), answer=EVENT, is_list=True)
CONTRACT.route(
    "POST /events", call="POST /events", status=201, request=WRITTEN, answer=EVENT, example=EXAMPLE
)  # fmt: skip
CONTRACT.route("GET /events/{event}", call="GET /events/{event}", answer=EVENT)
CONTRACT.route(
    "PUT /events/{event}", call="PATCH /events/{event}", request=WRITTEN, answer=EVENT, example={"capacity": 120}
)


@CONTRACT.handle("DELETE /events/{event}", call="POST /events/{event}/cancel")
def cancel_event(trip: Trip) -> Reply:
    """Call an event off: people are told, and it stays readable."""
    trip.call("POST", trip.fill("/events/{event}/cancel"), {}, step="cancel")
    return Reply(say("Event cancelled successfully"))


CATEGORY = show(
    number("event_category"), "name", "description", category_id=number("event_category", "id")
)  # fmt: skip
CONTRACT.route("GET /categories", call="GET /event-categories", answer=CATEGORY, is_list=True)
COMES = take(user_id=uuid_of("user"))


@CONTRACT.handle(
    "POST /events/{event}/register", call="POST /events/{event}/register", status=201, request=COMES,
    answer=REGISTRATION, example={},
)  # fmt: skip
def register(trip: Trip) -> Reply:
    """Take a seat for oneself. Raises Forbidden where somebody else is named."""
    assert trip.person is not None
    if trip.take(COMES).get("user_id") not in (None, str(trip.person.id)):
        raise Forbidden
    return trip.reply(trip.call("POST", trip.fill("/events/{event}/register")), REGISTRATION)


CONTRACT.route(
    "GET /events/{event}/registrations", call="GET /events/{event}/registrations", answer=REGISTRATION, is_list=True
)
