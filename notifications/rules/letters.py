"""Say in a mail what its words do not: the facts of each kind of news by their names, and the one button under them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.outside.letters import Link, Piece
from notifications.rules.kinds import Kind
from notifications.rules.values import SUMS, show_value

Words = Promise | str
Facts = tuple[tuple[str, Words], ...]

SOLICITED = frozenset({Kind.SEARCH_MATCHED, Kind.QUEUE_LEFT, Kind.POLICY_ENDING})
"""Kinds that are no service to a purchase: whoever is mailed one may end them by one click in their mail program."""

SUPERSEDED = frozenset({Kind.ORDER, Kind.MESSAGE_SENT, Kind.ANSWER_WANTED})
"""Kinds of which the last piece about an order tells all that the earlier ones did."""


@dataclass(frozen=True)
class Purchase:
    """The order that a piece of news is about, as its buyer knows it."""

    number: str
    goods: str
    total_amount: str
    currency: str


class Told(Protocol):
    """A piece of news that was told."""

    kind: str
    data: dict[str, Any]


_ORDER = ("number", _("Order no."))
_GOODS = ("goods", _("In the order"))
_TOTAL = ("order_total", _("Order total"))
_SUM = ("amount", _("Amount"))
_DUE = ("amount", _("To pay"))
_EVENT = ("title", _("Event"))
_DRIVE: Facts = (("car_name", _("Car")), ("start_time", _("Beginning")))
_HANDOVER: Facts = (_ORDER, _GOODS, ("start_time", _("Beginning")), ("location", _("Where")))
_POLICY = ("insurance_type", _("Policy"))
FACTS: dict[str, Facts] = {
    Kind.ORDER: (_ORDER, _GOODS, _TOTAL),
    Kind.MESSAGE_SENT: (_ORDER, _GOODS),
    Kind.ANSWER_WANTED: (_ORDER, _GOODS),
    Kind.HANDOVER_CONFIRMED: _HANDOVER,
    Kind.HANDOVER_REMINDER: _HANDOVER,
    Kind.HANDOVER_ENDED: (_ORDER, _GOODS),
    Kind.HOLD_ENDING: (_ORDER, _GOODS, _TOTAL, ("expires_at", _("Kept until"))),
    Kind.DEPOSIT_PAID: (_ORDER, _GOODS, ("amount", _("Deposit")), ("until", _("Kept until"))),
    Kind.DEPOSIT_KEPT: (_ORDER, _GOODS, ("amount", _("Deposit"))),
    Kind.DEPOSIT_RETURNED: (_ORDER, _GOODS, ("amount", _("Deposit"))),
    Kind.DEPOSIT_HELD: (_ORDER, _GOODS, ("amount", _("Earnest money"))),
    Kind.DEPOSIT_FORFEITED: (_ORDER, _GOODS, ("amount", _("Earnest money"))),
    Kind.DEPOSIT_DOUBLED: (_ORDER, _GOODS, ("amount", _("Earnest money"))),
    Kind.CAR_OFFERED: (("name", _("Car")), ("expires_at", _("Kept until"))),
    Kind.CAR_OFFER_ENDING: (("name", _("Car")), ("expires_at", _("Kept until"))),
    Kind.QUEUE_LEFT: (("name", _("Car")),),
    Kind.OFFER_SENT: (("number", _("Offer")), ("total_amount", _("Amount")), ("valid_until", _("Valid until"))),
    Kind.AGREEMENT_NEEDED: (_ORDER, _GOODS, _DUE),
    Kind.PAYMENT_COMPLETED: (_ORDER, _GOODS, _SUM),
    Kind.PAYMENT_FAILED: (_ORDER, _GOODS, _SUM),
    Kind.PAYMENT_REFUNDED: (_ORDER, _GOODS, _SUM),
    Kind.REGISTRATION_CREATED: (_EVENT, ("offer_expires_at", _("Seat kept until"))),
    Kind.REGISTRATION_PROMOTED: (_EVENT,),
    Kind.REGISTRATION_CANCELLED: (_EVENT,),
    Kind.HAPPENING_CANCELLED: (_EVENT,),
    Kind.SEAT_OFFERED: (_EVENT, ("expires_at", _("Seat kept until"))),
    Kind.HAPPENING_REMINDER: (_EVENT, ("start_date", _("Beginning")), ("location", _("Where"))),
    Kind.DRIVE_CONFIRMED: _DRIVE,
    Kind.DRIVE_REMINDER: _DRIVE,
    Kind.DRIVE_ENDED: (("car_name", _("Car")),),
    Kind.SEARCH_MATCHED: (("name", _("Search")), ("count", _("New cars"))),
    Kind.LOAN_APPROVED: (
        _ORDER, _GOODS, ("amount", _("Loan")), ("term_months", _("Months")),
        ("monthly_payment", _("Monthly payment")), ("expires_at", _("Valid until")),
    ),
    Kind.LOAN_REJECTED: (_ORDER, _GOODS),
    Kind.LOAN_DISBURSED: (_ORDER, _GOODS, ("amount", _("Loan"))),
    Kind.LOAN_DUE: (_DUE, ("due_date", _("Pay by"))),
    Kind.LOAN_REFUSED: (_DUE,),
    Kind.LOAN_REDATED: (_DUE, ("due_date", _("Pay by"))),
    Kind.LOAN_OVERDUE: (("overdue_amount", _("Overdue")), ("due_date", _("Was due on"))),
    Kind.LOAN_CLOSED: (_ORDER, _GOODS),
    Kind.POLICY_PURCHASED: (
        _POLICY, _GOODS, ("premium", _("Premium")), ("start_date", _("In force from")),
        ("end_date", _("In force until")),
    ),
    Kind.POLICY_ENDING: (_POLICY, ("end_date", _("In force until"))),
    Kind.INSTALMENT_DUE: (_DUE, ("due_date", _("Pay by"))),
    Kind.INSTALMENT_OVERDUE: (_DUE, ("due_date", _("Was due on")), ("grace_until", _("Pay by"))),
    Kind.POLICY_SUSPENDED: (_DUE, ("covered_through", _("Covered until")), ("ends_after", _("Pay by"))),
    Kind.CLAIM_DECIDED: (_SUM,),
    Kind.CLAIM_PAID: (_SUM,),
    Kind.SIGNED_IN: (("at", _("When")),),
    Kind.ATTENTION_NEEDED: (_ORDER, _GOODS, _TOTAL),
    Kind.STOCK_LOW: (("sku", _("Article")), ("available", _("Left"))),
    Kind.WEBHOOK_DISABLED: (("url", _("Address")),),
}  # fmt: skip
"""Values of the news that stand in a table under its words, by their names; what is not known is left out."""

_OPEN_ORDER = (_("Open the order"), "/orders/%(order_id)s/")
_OPEN_EVENT = (_("Open the event"), "/events/%(event_id)s/")
_OPEN_DRIVES = (_("My test drives"), "/test-drives/")
_OPEN_CAR = (_("Order this car"), "/cars/%(product_id)s/")
_OPEN_APPLICATION = (_("Open the application"), "/credit/applications/%(application_id)s/")
_OPEN_LOAN = (_("Open the loan"), "/credit/loans/%(loan_id)s/")
_PAY_LOAN = (_("Pay"), "/credit/loans/%(loan_id)s/")
_OPEN_POLICY = (_("Open the policy"), "/insurance/%(policy_id)s/")
_PAY_POLICY = (_("Pay"), "/insurance/%(policy_id)s/")
NEWS_PATH = "/notifications/"
_OPEN_NEWS: tuple[Words, str] = (_("Open the news"), NEWS_PATH)
BUTTONS: dict[str, tuple[Words, str]] = {
    Kind.ORDER: _OPEN_ORDER,
    Kind.MESSAGE_SENT: (_("Read and answer"), "/orders/%(order_id)s/messages/"),
    Kind.ANSWER_WANTED: (_("Read and answer"), "/orders/%(order_id)s/messages/"),
    Kind.HANDOVER_CONFIRMED: (_("Open the hand-over"), "/orders/%(order_id)s/handover/"),
    Kind.HANDOVER_REMINDER: (_("Open the hand-over"), "/orders/%(order_id)s/handover/"),
    Kind.HANDOVER_ENDED: (_("Choose another time"), "/orders/%(order_id)s/handover/"),
    Kind.HOLD_ENDING: (_("Go on with the order"), "/orders/%(order_id)s/"),
    Kind.DEPOSIT_PAID: _OPEN_ORDER,
    Kind.DEPOSIT_KEPT: _OPEN_ORDER,
    Kind.DEPOSIT_RETURNED: _OPEN_ORDER,
    Kind.DEPOSIT_HELD: _OPEN_ORDER,
    Kind.DEPOSIT_FORFEITED: _OPEN_ORDER,
    Kind.DEPOSIT_DOUBLED: _OPEN_ORDER,
    Kind.CAR_OFFERED: _OPEN_CAR,
    Kind.CAR_OFFER_ENDING: _OPEN_CAR,
    Kind.QUEUE_LEFT: (_("Choose another car"), "/cars/"),
    Kind.OFFER_SENT: (_("Look at the offer"), "/offers/%(offer_id)s/"),
    Kind.AGREEMENT_NEEDED: (_("Pay"), "/orders/%(order_id)s/"),
    Kind.PAYMENT_COMPLETED: _OPEN_ORDER,
    Kind.PAYMENT_FAILED: (_("Pay in another way"), "/orders/%(order_id)s/"),
    Kind.PAYMENT_REFUNDED: _OPEN_ORDER,
    Kind.REGISTRATION_CREATED: _OPEN_EVENT,
    Kind.REGISTRATION_PROMOTED: _OPEN_EVENT,
    Kind.REGISTRATION_CANCELLED: _OPEN_EVENT,
    Kind.HAPPENING_CANCELLED: (_("Other events"), "/events/"),
    Kind.SEAT_OFFERED: (_("Accept the seat"), "/events/%(event_id)s/"),
    Kind.HAPPENING_REMINDER: _OPEN_EVENT,
    Kind.DRIVE_CONFIRMED: _OPEN_DRIVES,
    Kind.DRIVE_ENDED: (_("Choose another time"), "/test-drives/"),
    Kind.DRIVE_REMINDER: _OPEN_DRIVES,
    Kind.SEARCH_MATCHED: (_("Look at the cars"), "/saved-searches/%(search_id)s/"),
    Kind.LOAN_APPROVED: (_("Look at the loan"), "/credit/applications/%(application_id)s/"),
    Kind.LOAN_REJECTED: _OPEN_APPLICATION,
    Kind.LOAN_DISBURSED: _OPEN_LOAN,
    Kind.LOAN_DUE: _PAY_LOAN,
    Kind.LOAN_REFUSED: _PAY_LOAN,
    Kind.LOAN_REDATED: _OPEN_LOAN,
    Kind.LOAN_OVERDUE: _PAY_LOAN,
    Kind.LOAN_CLOSED: _OPEN_LOAN,
    Kind.POLICY_PURCHASED: _OPEN_POLICY,
    Kind.POLICY_ENDING: (_("Renew the policy"), "/insurance/%(policy_id)s/"),
    Kind.INSTALMENT_DUE: _PAY_POLICY,
    Kind.INSTALMENT_OVERDUE: _PAY_POLICY,
    Kind.POLICY_SUSPENDED: _PAY_POLICY,
    Kind.CLAIM_DOCUMENTS: (_("Add the papers"), "/insurance/%(policy_id)s/"),
    Kind.CLAIM_DECIDED: _OPEN_POLICY,
    Kind.CLAIM_PAID: _OPEN_POLICY,
    Kind.SIGNED_IN: (_("Look at my devices"), "/account/"),
    Kind.ATTENTION_NEEDED: (_("Open the order"), "/admin/orders/order/%(order_id)s/change/"),
    Kind.STOCK_LOW: (_("Open the article"), "/admin/catalog/product/%(product_id)s/change/"),
    Kind.WEBHOOK_DISABLED: (
        _("Open the webhook"), "/admin/notifications/webhookendpoint/%(webhook_id)s/change/",
    ),
    Kind.DIGEST: _OPEN_NEWS,
}  # fmt: skip
"""The one thing to do about a kind of news, and the page where it is done."""

T = TypeVar("T", bound=Told)


def get_button(kind: str, data: Mapping[str, Any]) -> Link:
    """Return the button of a piece of news, in the language in force; without its page it leads to the news."""
    path = find_path(kind, data)
    label, _path = _OPEN_NEWS if path == NEWS_PATH else BUTTONS[kind]
    return Link(label=str(label), url=settings.PUBLIC_URL.rstrip("/") + path)


def find_path(kind: str, data: Mapping[str, Any]) -> str:
    """Return the page of a piece of news, from the root of the site on; that of all news where its own is not known."""
    _label, path = BUTTONS.get(kind, _OPEN_NEWS)
    try:
        return path % {name: quote(str(value), safe="") for name, value in data.items() if value}
    except KeyError:
        return NEWS_PATH


def write_piece(
    kind: str, data: Mapping[str, Any], *, title: str, text: str, zone: str, purchase: Purchase | None = None
) -> Piece:
    """Return a piece of news as it stands in a letter, in the language in force."""
    known = dict(data)
    if purchase is not None:
        known["goods"] = purchase.goods
        known["number"] = known.get("number") or purchase.number
        known["order_total"] = f"{show_value('amount', purchase.total_amount, zone)} {_sign(purchase.currency, zone)}"
    facts = [(str(name), _fact(value, known, zone)) for value, name in FACTS.get(kind, ())]
    return Piece(
        title=title,
        text=text,
        facts=tuple((name, value) for name, value in facts if value),
        link=get_button(kind, data),
    )


def drop_superseded(parts: Iterable[T]) -> list[T]:
    """Leave out what a later part tells anew: of an order's steps, and of messages about it, the last one is news."""
    kept: list[T] = []
    latest = set[tuple[str, str]]()
    for part in reversed(list(parts)):
        order = str(part.data.get("order_id") or "") if part.kind in SUPERSEDED else ""
        if order and (part.kind, order) in latest:
            continue
        latest.add((part.kind, order))
        kept.append(part)
    return kept[::-1]


def _fact(name: str, data: Mapping[str, Any], zone: str) -> str:
    value = data.get(name)
    if value in (None, ""):
        return ""
    shown = str(show_value(name, value, str(data.get("time_zone") or zone)))
    return f"{shown} {_sign(data.get('currency'), zone)}".strip() if name in SUMS else shown


def _sign(currency: Any, zone: str) -> str:
    return str(show_value("currency", currency or "", zone))
