"""Say in a buyer's words how a written offer stands, and why it was not answered."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from storefront.shown.wording import Text

OFFER_STATES: dict[str, tuple[Text, str]] = {
    "sent": (_("awaits your answer"), "calm"),
    "accepted": (_("accepted"), "good"),
    "declined": (_("you declined"), "calm"),
    "expired": (_("past its last day"), "bad"),
    "withdrawn": (_("withdrawn"), "bad"),
}
"""An offer's state and the tone of its badge."""
OFFER_ENDS: dict[str, Text] = {
    "accepted": _("You accepted this offer: the order has its prices."),
    "declined": _("You declined this offer. If you think better of it, ask our manager for a new one."),
    "expired": _("This offer is over: its last day is past. Ask our manager for a new one."),
    "withdrawn": _("We withdrew this offer. If a new version took its place, you will find it among your offers."),
}
"""An ended offer in a sentence."""
OFFER_REFUSALS: dict[str, Text] = {
    "offer_expired": OFFER_ENDS["expired"],
    "insufficient_stock": _(
        "What was offered has been sold meanwhile, and nothing was ordered. Please ask our manager."
    ),
    "goods_gone": _("What was offered is not on sale any more, and nothing was ordered. Please ask our manager."),
    "wrong_transition": _("This offer cannot be answered any more. Here is how it stands now."),
    "price_changed": _(
        "The insurer has changed the premium since this offer was made, and nothing was ordered. "
        "Ask our manager for a new one."
    ),
    "unknown_programme": _(
        "The bank has ended this loan programme, and nothing was ordered. Ask our manager for a new offer."
    ),
    "stale_version": _("This offer has changed since you opened it. Look at it as it is now, then decide."),
    "car_has_queue": _("Others wait for this car in a queue, and it is offered to them first."),
    "too_many_holds": _(
        "You hold as many cars as one may without a deposit. Pay a deposit for one of them, or give one up."
    ),
}
"""Why an offer was not accepted or declined, by the error's code."""


def offer_refusal(error: DomainError) -> Text:
    """Say why an offer was not answered."""
    told = getattr(error, "errors", None) or [{"code": error.code}]
    return OFFER_REFUSALS.get(told[0]["code"]) or str(error.detail)
