"""Contract D's payments: of a client for an event, by staff; of one's own seat, by oneself."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contracts.calling import Native
from contracts.cards import choose_card
from contracts.d.kept import Kept, keep, read_kept
from contracts.d.table import CONTRACT, TEXT
from contracts.mapping import ID_OUT, Field, made, money, number, refuse_unless_amount, show, status, take, uuid_of
from contracts.numbers import NOBODY, Numbers, find_id
from contracts.products import PriceChanged
from contracts.trips import NothingThere, Reply, Trip
from contracts.waiting import Wait, take_place
from core.errors import DomainError, InvalidInput, Unavailable

WAYS = {"card": 1, "sbp": 2, "cash": 3, "bank_transfer": 4}
"""Numbers of the ways that the house takes money; methods that somebody stored count from 101."""
STATUSES = {
    "pending": "pending", "processing": "pending", "requires_action": "pending", "unknown": "pending",
    "authorized": "pending", "completed": "completed", "disputed": "completed", "failed": "failed",
    "cancelled": "failed", "refunded": "refunded", "partially_refunded": "refunded",
}  # fmt: skip
IN_FLIGHT = {"pending", "processing", "requires_action", "unknown", "authorized"}


class EventCancelled(DomainError):
    """What was called off is paid for no more."""

    code = "event_cancelled"
    detail = gettext_lazy("This event was cancelled.")


class NothingToPay(DomainError):
    """The event is free."""

    code = "nothing_to_pay"
    detail = gettext_lazy("There is nothing to pay.")


def _show_way(payment: Any, numbers: Numbers) -> Any:
    stored = payment.get("stored_id")
    return numbers.slot("payment_method", stored) if stored else WAYS[payment["method"]]


METHOD = show("label", id=Field(out=_show_way, schema_out=lambda _native: ID_OUT, of_all=True), type="method")
METHOD |= show(payment_method_id=METHOD.fields["id"])
PAYMENT = show(
    number("payment"), "currency", "description", "created_at", payment_id=number("payment", "id"),
    client_id=number("client"), event_id=number("event"), amount=money, status=status(STATUSES),
    payment_method_id=METHOD.fields["id"],
)  # fmt: skip
ASKED = take(
    "currency", "description", "token", "payment_method_id", amount=money, client_id=uuid_of("client"),
    event_id=uuid_of("event"),
)  # fmt: skip
EXAMPLE = {
    "amount": 5000, "currency": "RUB", "description": "Event", "client_id": 1, "event_id": 1, "payment_method_id": 1,
}  # fmt: skip


@CONTRACT.handle("GET /payment-methods", call="GET /payment-methods", answer=METHOD, is_list=True)
def list_methods(trip: Trip) -> Reply:
    """Show the ways that the house takes money, then the caller's own stored ones."""
    labels = (_("card"), _("fast payment system"), _("cash"), _("bank transfer"))
    ways = [{"method": way, "label": label} for way, label in zip(WAYS, labels, strict=True)]
    house = [] if "cursor" in trip.request.GET else ways

    def add(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return house + [row | {"stored_id": row["id"]} for row in rows]

    return trip.read_list("/payment-methods", None, change=add)


STORED = take("token", type="method", method_type="method")


@CONTRACT.handle(
    "POST /payment-methods", call="POST /payment-methods", status=201, request=STORED, answer=METHOD,
    example={"type": "card", "token": "tok_success"},
)  # fmt: skip
def store_method(trip: Trip) -> Reply:
    """Store a method of one's own by its provider's token."""
    made = trip.call("POST", "/payment-methods", trip.take(STORED))
    made.data["stored_id"] = made.data["id"]
    return trip.reply(made, METHOD)


def _with_kept(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return payments with what only this contract knows of them."""
    listed = list(rows)
    kept = read_kept([row["id"] for row in listed])
    return [row | (kept[row["id"]].fields if row["id"] in kept else {}) for row in listed]


@CONTRACT.handle("GET /payments", call="GET /payments", answer=PAYMENT, is_list=True)
def list_payments(trip: Trip) -> Reply:
    """Show payments: one's own, or all to staff."""
    return trip.read_list("/payments", None, change=_with_kept)


def _show(trip: Trip, payment: dict[str, Any], code: int = 200) -> Reply:
    return Reply(PAYMENT.out(_with_kept([payment])[0], trip.numbers), code)


@CONTRACT.handle("GET /payments/{payment}", call="GET /payments/{payment}", answer=PAYMENT)
def read_payment(trip: Trip) -> Reply:
    """Show a payment."""
    return _show(trip, trip.call("GET", trip.fill("/payments/{payment}")).data)


@dataclass(frozen=True)
class Means:
    """How a payment is made, as our API takes it, and which stored method was named."""

    body: dict[str, Any]
    stored_id: str | None = None


def _choose_means(trip: Trip, given: dict[str, Any], *, is_own: bool) -> Means:
    """Return the way that is named: one of the house's, or a stored one. Raises NothingThere."""
    named = given.get("payment_method_id")
    way = {str(place): way for way, place in WAYS.items()}.get(str(named).strip(), "card" if named is None else "")
    if not way:
        stored = find_id("payment_method", named)
        found = trip.ask("GET", f"/payment-methods/{stored}")
        if stored == NOBODY or found.is_refusal:
            raise NothingThere("payment_method_id")
        return Means({"method": found.data["method"], "payment_method_id": str(stored)}, str(stored))
    if way != "card":
        return Means({"method": way} | ({"token": given["token"]} if given.get("token") else {}))
    card = choose_card(trip, {"token": given.get("token")}, is_own=is_own)
    return Means({"method": "card", **card}, card.get("payment_method_id"))


@CONTRACT.handle(
    "POST /payments", call="POST /payments", status=201, request=ASKED, answer=PAYMENT, example=EXAMPLE
)  # fmt: skip
def pay(trip: Trip) -> Reply:
    """Take a client's payment for an event, as staff; or pay for one's own seat."""
    given = trip.take(ASKED)
    trip.require(given, ASKED, "amount")
    amount = refuse_unless_amount(given["amount"], "amount")
    event = _find_event(trip, given)
    assert trip.person is not None
    if trip.person.is_staff:
        trip.require(given, ASKED, "client_id")
        payment, means = _pay_for_client(trip, given, amount, event)
    else:
        _refuse_other_card(trip, given)
        if event is None:
            raise InvalidInput("event_id", "required", _("This field is required."))
        payment, means = _pay_for_seat(trip, given, amount, event)
    keep(Kept(payment["id"], given.get("client_id"), given.get("event_id"), means.stored_id))
    return _show(trip, payment, trip.route.status)


def _find_event(trip: Trip, given: dict[str, Any]) -> dict[str, Any] | None:
    """Return the event that is paid for, None where none is named. Raises NothingThere, EventCancelled."""
    if given.get("event_id") is None:
        return None
    found = trip.ask("GET", f"/events/{given['event_id']}")
    if found.is_refusal:
        raise NothingThere("event_id")
    if found.data["status"] == "cancelled":
        raise EventCancelled
    event: dict[str, Any] = found.data
    return event


def _refuse_other_card(trip: Trip, given: dict[str, Any]) -> None:
    """Let clients name their own card alone. Raises NothingThere."""
    if given.get("client_id") is not None:
        own = trip.ask("GET", "/clients/me")
        if own.is_refusal or own.data["id"] != given["client_id"]:
            raise NothingThere("client_id")


def _pay_for_client(
    trip: Trip, given: dict[str, Any], amount: Decimal, event: dict[str, Any] | None
) -> tuple[dict[str, Any], Means]:
    """Order what the payment is for, with a line of its own, and pay the order.

    Raises CallRefused, NothingThere, Unavailable.
    """
    found = trip.ask("GET", f"/clients/{given['client_id']}")
    if found.is_refusal:
        raise NothingThere("client_id")
    assert trip.person is not None
    means = _choose_means(trip, given, is_own=found.data["user_id"] == str(trip.person.id))
    title = event["title"] if event else ""
    name = given.get("description") or title or _("Payment")
    wish = {
        "customer_id": found.data["user_id"] or found.data["id"],
        "items": [{"name": name, "unit_price": format(amount, "f"), "quantity": 1}],
        "comment": _("For the event “%(title)s”.") % {"title": title} if title else "",
    }
    with take_place() as wait:
        order = trip.call("POST", "/orders", wish, step="order").data
        asked = {name: given[name] for name in ("currency", "description") if given.get(name)}
        body = means.body | asked | {"order_id": order["id"], "amount": format(amount, "f")}
        return _pay_order(trip, body, wait), means


def _pay_order(trip: Trip, body: dict[str, Any], wait: Wait) -> dict[str, Any]:
    """Pay an order once payments knows it. Raises CallRefused.

    One that takes no payment is called off, and so is one that takes none yet where no key leads a repeat to it.
    """
    while True:
        answered = trip.ask("POST", "/payments", body, step="pay")
        is_early = answered.is_refusal and answered.data["code"] == "order_not_ready"
        if not is_early or not wait.goes_on():
            break
    if answered.is_refusal:
        if not is_early or not trip.key:
            trip.ask("POST", f"/orders/{body['order_id']}/cancel", {}, step="cancel")
        trip.refuse(answered)
    payment: dict[str, Any] = answered.data
    return payment


def _pay_for_seat(
    trip: Trip, given: dict[str, Any], amount: Decimal, event: dict[str, Any]
) -> tuple[dict[str, Any], Means]:
    """Pay for one's seat, taken now if need be. Raises CallRefused, NothingToPay, PriceChanged, Unavailable."""
    path = f"/events/{event['id']}/registrations"
    rows = trip.call("GET", path, query={"page_size": 100}).data["results"]
    seat = next((row for row in rows if row["status"] != "cancelled"), None)
    price = Decimal((seat or event)["price"])
    if not price:
        raise NothingToPay
    if price != amount:
        raise PriceChanged(field="amount", prices=[float(price)])
    means = _choose_means(trip, given, is_own=True)
    with take_place() as wait:
        if seat is None:
            seat = trip.call("POST", f"/events/{event['id']}/register", step="seat").data
        known: set[str] = set()
        if seat["payment_state"] != "pending":
            known = {row["id"] for row in _read_tickets(trip, seat["id"])}
            trip.call("POST", f"{path}/{seat['id']}/pay", means.body, step="pay")
        return _await_ticket(trip, seat["id"], known, wait), means


def _read_tickets(trip: Trip, seat_id: str) -> list[dict[str, Any]]:
    rows = trip.call("GET", "/payments", query={"page_size": 100}).data["results"]
    return [row for row in rows if row["subject_id"] == seat_id]


def _await_ticket(trip: Trip, seat_id: str, known: set[str], wait: Wait) -> dict[str, Any]:
    """Return the payment of a seat that payments has begun since. Raises Unavailable where it takes too long."""
    while True:
        found = [row for row in _read_tickets(trip, seat_id) if row["id"] not in known]
        if found:
            return found[0]
        if not wait.goes_on():
            raise Unavailable(retry_after=2)


BACK = take("reason", amount=money)


@CONTRACT.handle(
    "POST /payments/{payment}/refund", call="POST /payments/{payment}/refund", request=BACK,
    answer=show(refund_id=number("refund", "id")), example={"amount": 1000, "reason": "Cancelled"},
)  # fmt: skip
def refund(trip: Trip) -> Reply:
    """Give money back, for staff; what needs a second person waits for them."""
    given = {"reason": _("Refund")} | {name: value for name, value in trip.take(BACK).items() if value is not None}
    made: Native = trip.call("POST", trip.fill("/payments/{payment}/refund"), given)
    payment = trip.call("GET", trip.fill("/payments/{payment}")).data
    shown = PAYMENT.out(_with_kept([payment])[0], trip.numbers)
    told = {"message": "Refund accepted", "payment": shown, "refund_id": trip.numbers.slot("refund", made.data["id"])}
    return Reply(told)


TRANSACTION = show(
    number("transaction"), "created_at", transaction_id=number("transaction", "id"), payment_id=number("payment"),
    amount=money, transaction_type="kind", status=made(lambda _row: "completed", TEXT),
)  # fmt: skip


@CONTRACT.handle(
    "GET /transactions", call="GET /transactions", query=take(payment_id=uuid_of("payment")), answer=TRANSACTION,
    is_list=True,
)  # fmt: skip
def list_transactions(trip: Trip) -> Reply:
    """Show movements of money: of each entry of the books the side that receives."""
    return trip.read_list(
        "/transactions", trip.route.query, change=lambda rows: [row for row in rows if Decimal(row["amount"]) > 0]
    )
