"""What people are told, in words: a title and a body for every kind of news, in the reader's language."""

from dataclasses import dataclass
from typing import Any

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from notifications.models import Kind

Template = tuple[Promise | str, Promise | str]


@dataclass(frozen=True)
class Text:
    """A rendered message."""

    title: str
    body: str


_ORDERS: dict[str, Template] = {
    "created": (_("Order %(number)s is placed"), _("We have received your order %(number)s and are working on it.")),
    "paid": (_("Order %(number)s is paid"), _("Your order %(number)s is paid. We are preparing it.")),
    "in_progress": (_("Order %(number)s is being prepared"), _("We have started preparing your order %(number)s.")),
    "ready": (_("Order %(number)s is ready"), _("Your order %(number)s is ready. We are waiting for you.")),
    "completed": (
        _("Order %(number)s is handed over"),
        _("Your order %(number)s is handed over. Thank you for choosing us!"),
    ),
    "cancelled": (
        _("Order %(number)s is cancelled"),
        _("Your order %(number)s is cancelled. Whatever you have paid goes back to you."),
    ),
    "refunded": (
        _("Order %(number)s is refunded"),
        _("The money for your order %(number)s is on its way back to you."),
    ),
}
"""By the order's new status; a status without a text is a step nobody needs to hear of."""

_REGISTRATIONS: dict[str, Template] = {
    "confirmed": (_("You are registered: %(title)s"), _("Your seat at “%(title)s” is confirmed. See you there!")),
    "offered": (_("A seat is offered to you: %(title)s"), _("A seat at “%(title)s” is held for you.")),
    "waitlisted": (
        _("You are on the waiting list: %(title)s"),
        _("All seats at “%(title)s” are taken. We will tell you as soon as one is yours."),
    ),
}

_OTHERS: dict[str, Template] = {
    Kind.PAYMENT_COMPLETED: (
        _("Payment received: %(amount)s %(currency)s"),
        _("We have received your payment of %(amount)s %(currency)s. Thank you!"),
    ),
    Kind.PAYMENT_FAILED: (
        _("Payment failed: %(amount)s %(currency)s"),
        _("Your payment of %(amount)s %(currency)s did not go through. Please try again or pay in another way."),
    ),
    Kind.PAYMENT_REFUNDED: (
        _("Refund: %(amount)s %(currency)s"),
        _("We have sent %(amount)s %(currency)s back to you."),
    ),
    Kind.REGISTRATION_PROMOTED: (
        _("A seat is yours: %(title)s"),
        _("A seat at “%(title)s” has come free, and it is yours. See you there!"),
    ),
    Kind.REGISTRATION_CANCELLED: (
        _("Registration cancelled: %(title)s"),
        _("Your registration for “%(title)s” is cancelled."),
    ),
    Kind.HAPPENING_CANCELLED: (
        _("Cancelled: %(title)s"),
        _("We are sorry: “%(title)s” will not take place. %(reason)s"),
    ),
}


_WEBHOOKS: dict[str, Template] = {
    "gone": (
        _("Webhook switched off: %(url)s"),
        _("%(url)s answered that it is gone, so nothing is sent to it any more. You can switch it on again."),
    ),
    "failing": (
        _("Webhook switched off: %(url)s"),
        _("Nothing could be delivered to %(url)s for five days, so we have stopped. You can switch it on again."),
    ),
}
"""By why it was switched off."""


def has_text(kind: str, data: dict[str, Any]) -> bool:
    """Whether there is anything to say."""
    return _template(kind, data) is not None


def render(kind: str, data: dict[str, Any], language: str) -> Text:
    """Put news into words of a language; `data` holds the event's plain values. Raises KeyError on unknown news."""
    template = _template(kind, data)
    if template is None:
        raise KeyError(kind, data.get("status"))
    with translation.override(language):
        title, body = (str(part) % data for part in template)
    return Text(title[:300], body.strip())


def _template(kind: str, data: dict[str, Any]) -> Template | None:
    if kind == Kind.ORDER:
        return _ORDERS.get(data["status"])
    if kind == Kind.REGISTRATION_CREATED:
        return _REGISTRATIONS.get(data["status"])
    if kind == Kind.WEBHOOK_DISABLED:
        return _WEBHOOKS.get(data["reason"])
    return _OTHERS.get(kind)
