"""Contract D's clients: cards, who to ask for, and what was done with them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from contracts.d.table import CONTRACT, TEXT, say
from contracts.mapping import number, show, status, take
from contracts.trips import Reply, Trip
from core.errors import InvalidInput

CLIENT = show(
    number("client"), "name", "type", "industry", "description", "email", "phone", "created_at", "updated_at",
    client_id=number("client", "id"),
)  # fmt: skip
WRITTEN = take("name", "type", "industry", "description", "email", "phone")
CONTACT = show(
    number("contact"), "name", "email", "phone", "position", contact_id=number("contact", "id"),
    client_id=number("client"),
)  # fmt: skip
KINDS = {
    "call": "call", "meeting": "meeting", "visit": "visit", "letter": "email", "message": "message", "note": "note",
}  # fmt: skip
KIND = replace(status(KINDS, "kind"), schema_out=lambda _native: TEXT)
"""What was done; what orders and payments tell has words of its own."""
ACTIVITY = show(
    number("activity"), "description", activity_id=number("activity", "id"), client_id=number("client"), type=KIND,
    activity_type=KIND, timestamp="occurred_at",
)  # fmt: skip
DONE = take("description", type=KIND, activity_type=KIND)

CONTRACT.route("GET /clients", call="GET /clients", answer=CLIENT, is_list=True)
CONTRACT.route(
    "POST /clients", call="POST /clients", status=201, request=WRITTEN, answer=CLIENT,
    example={"name": "ООО «Ромашка»", "type": "organization", "industry": "IT", "description": "Key client"},
)  # fmt: skip
CONTRACT.route("GET /clients/{client}", call="GET /clients/{client}", answer=CLIENT)
CONTRACT.route(
    "PUT /clients/{client}", call="PATCH /clients/{client}", request=WRITTEN, answer=CLIENT,
    example={"industry": "retail"},
)  # fmt: skip


@CONTRACT.handle("DELETE /clients/{client}", call="DELETE /clients/{client}")
def delete_client(trip: Trip) -> Reply:
    """Hide a client behind whom no deal stands."""
    trip.call("DELETE", trip.fill("/clients/{client}"))
    return Reply(say("Client deleted successfully"))


def _join_contacts(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join ways to reach one person that were written down at one moment: the contract has them in one object.

    The id is that of the first way that was written.
    """
    joined: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        who = (row["created_at"], row["name"], row["position"])
        person = joined.setdefault(who, {**row, "email": None, "phone": None})
        person["id"] = min(person["id"], row["id"])
        if row["kind"] in ("email", "phone") and person[row["kind"]] is None:
            person[row["kind"]] = row["value"]
    return list(joined.values())


@CONTRACT.handle(
    "GET /clients/{client}/contacts", call="GET /clients/{client}/contacts", answer=CONTACT, is_list=True
)  # fmt: skip
def list_contacts(trip: Trip) -> Reply:
    """Show who to ask for at a client."""
    return trip.read_list(trip.fill("/clients/{client}/contacts"), None, {"ordering": "-created_at"}, _join_contacts)


REACHED = take("name", "email", "phone", "position")


@CONTRACT.handle(
    "POST /clients/{client}/contacts", call="POST /clients/{client}/contacts/batch", status=201, request=REACHED,
    answer=CONTACT, example={"name": "Ivan Ivanov", "email": "ivan@example.com", "position": "director"},
)  # fmt: skip
def add_contact(trip: Trip) -> Reply:
    """Write down somebody to ask for, and at least one way to reach them."""
    given = trip.take(REACHED)
    trip.require(given, REACHED, "name")
    ways = [kind for kind in ("email", "phone") if given.get(kind)]
    if not ways:
        raise InvalidInput("email", "required", _("Name an e-mail or a phone."))
    who = {name: given[name] for name in ("name", "position") if given.get(name) is not None}
    wanted = {"contacts": [{"kind": kind, "value": given[kind], **who} for kind in ways]}
    answered = trip.ask("POST", trip.fill("/clients/{client}/contacts/batch"), wanted)
    if answered.is_refusal:
        for row in answered.data.get("errors") or []:
            row["field"] = _rename(row["field"], ways)
        trip.refuse(answered)
    (person,) = _join_contacts(answered.data["contacts"])
    return Reply(CONTACT.out(person, trip.numbers), trip.route.status)


def _rename(field: str, ways: list[str]) -> str:
    """Return the contract's name of a field of the batch: `contacts.1.value` is the second way that was sent."""
    _contacts, _dot, rest = field.partition(".")
    place, _dot, name = rest.partition(".")
    if not place.isdecimal() or int(place) >= len(ways):
        return field
    return ways[int(place)] if name == "value" else name


@CONTRACT.handle(
    "GET /clients/{client}/activity", call="GET /clients/{client}/activity", answer=ACTIVITY, is_list=True
)  # fmt: skip
def list_activity(trip: Trip) -> Reply:
    """Show what was done with a client."""
    client = {"client_id": str(trip.get_id("client"))}
    path = trip.fill("/clients/{client}/activity")
    return trip.read_list(path, None, change=lambda rows: [row | client for row in rows])


@CONTRACT.handle(
    "POST /clients/{client}/activity", call="POST /clients/{client}/activity", status=201, request=DONE,
    answer=ACTIVITY, example={"type": "call", "description": "Asked for the programme"},
)  # fmt: skip
def log_activity(trip: Trip) -> Reply:
    """Write down a call, a meeting, a letter."""
    given = trip.take(DONE)
    trip.require(given, DONE, "type", "description")
    made = trip.call("POST", trip.fill("/clients/{client}/activity"), given)
    made.data["client_id"] = str(trip.get_id("client"))
    return trip.reply(made, ACTIVITY)
