"""Word what people are told: a title and a body for every kind of news, in the reader's language."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from notifications.rules.kinds import Kind
from notifications.rules.values import show_value

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
    "returning": (
        _("Return of order %(number)s"),
        _("We have received your wish to give back what order %(number)s brought you. We will look at the car first."),
    ),
    "returned": (
        _("Order %(number)s is returned"),
        _("The return of your order %(number)s is done. What you have paid is on its way back to you."),
    ),
}
"""By the order's new status; a status without a text is a step nobody needs to hear of."""

_RETURN_REFUSED: Template = (
    _("No return of order %(number)s"),
    _("We cannot take back what you bought by order %(number)s. Your order says why."),
)
_REGISTRATIONS: dict[str, Template] = {
    "confirmed": (_("You are registered: %(title)s"), _("Your seat at “%(title)s” is confirmed. See you there!")),
    "offered": (_("A seat is offered to you: %(title)s"), _("A seat at “%(title)s” is held for you.")),
    "waitlisted": (
        _("You are on the waiting list: %(title)s"),
        _("All seats at “%(title)s” are taken. We will tell you as soon as one is yours."),
    ),
}

_DRIVES_ENDED: dict[str, Template] = {
    "refused": (
        _("No test drive of %(car_name)s"),
        _("We could not book your test drive of %(car_name)s at that time. Please choose another."),
    ),
    "cancelled": (
        _("Test drive cancelled: %(car_name)s"),
        _("Your test drive of %(car_name)s is cancelled. %(reason)s"),
    ),
    "broken": (
        _("Test drive cancelled: %(car_name)s"),
        _("We are sorry: %(car_name)s has broken down, and we have no equal car for your test drive."),
    ),
    "sold": (
        _("Test drive cancelled: %(car_name)s"),
        _("We are sorry: %(car_name)s has been sold, and we have no equal car for your test drive."),
    ),
    "no_show": (
        _("We missed you: %(car_name)s"),
        _("You did not come to your test drive of %(car_name)s. You can book another at any time."),
    ),
}
"""By its outcome; a car that came back is no news to its driver."""

_CLAIMS_DECIDED: dict[str, Template] = {
    "approved": (
        _("Claim approved: %(amount)s %(currency)s"),
        _("Your claim is approved. We will pay %(amount)s %(currency)s."),
    ),
    "partially_approved": (
        _("Claim approved in part: %(amount)s %(currency)s"),
        _("Your claim is approved in part. We will pay %(amount)s %(currency)s. %(reason)s"),
    ),
    "rejected": (_("Claim rejected"), _("Your claim is rejected. %(reason)s")),
}

_ATTENTION: dict[str, Template] = {
    "trade_in_offered": (
        _("Trade-in to be valued: order %(number)s"),
        _("The buyer of order %(number)s offers a car in part payment. It waits for your decision."),
    ),
    "trade_in_owed": (
        _("Trade-in to be given back: order %(number)s"),
        _("Order %(number)s was undone: give its buyer the car or its price back (%(detail)s), and say so then."),
    ),
    "trade_in_entered": (
        _("A car is taken in: order %(number)s"),
        _("The car given in exchange for order %(number)s is in stock: complete, price and publish it."),
    ),
    "trade_in_surplus": (
        _("Difference to be paid: order %(number)s"),
        _("The car given in exchange is worth more than order %(number)s: pay its buyer %(detail)s."),
    ),
    "trade_in_left": (
        _("Trade-in to be fetched: order %(number)s"),
        _("Order %(number)s was undone and its trade-in is out of stock (%(detail)s): say when its owner has the car."),
    ),
    "trade_in_kept": (
        _("Price of a trade-in to be paid: order %(number)s"),
        _("Order %(number)s was undone, but the car given in exchange stays with us: pay its former owner %(detail)s."),
    ),
    "trade_in_unpaid": (
        _("Money for a trade-in not paid: order %(number)s"),
        _("What is owed for the car of order %(number)s could not be paid: %(detail)s. Send the payout again."),
    ),
    "return_asked": (
        _("Return asked for: order %(number)s"),
        _("The buyer of order %(number)s wants to give back what was handed over: %(detail)s. Please inspect it."),
    ),
    "fault_unstated": (
        _("Earnest money kept back: order %(number)s"),
        _("Order %(number)s ended without a sale. State whose fault it was: %(detail)s of earnest money wait."),
    ),
    "second_half_failed": (
        _("Second half of earnest money not paid: order %(number)s"),
        _("The second half for order %(number)s could not be paid: %(detail)s. Send the payout again."),
    ),
    "hold_ending": (
        _("The hold of order %(number)s ends soon"),
        _("Order %(number)s is soon let go unless something happens. You may keep it longer."),
    ),
    "": (
        _("Order %(number)s needs you"),
        _("The checkout of order %(number)s waits for a manager at this step: %(leg)s. %(cause)s"),
    ),
}
"""By cause; the last one fits all others."""

_QUEUES_LEFT: dict[str, Template] = {
    "lapsed": (
        _("Your offer is over: %(name)s"),
        _("You did not answer in time, so %(name)s is offered to the next in the queue."),
    ),
    "skipped": (
        _("You are out of the queue: %(name)s"),
        _("Our manager took you out of the queue for %(name)s: %(reason)s"),
    ),
    "sold": (
        _("Sold: %(name)s"),
        _("%(name)s, which you were queuing for, is sold. We are glad to show you similar cars."),
    ),
    "gone": (
        _("No longer on sale: %(name)s"),
        _("%(name)s, which you were queuing for, is no longer on sale. We are glad to show you similar cars."),
    ),
}
"""By how a place ended; what its owner did themselves is no news."""

_OTHERS: dict[str, Template] = {
    Kind.DEPOSIT_PAID: (
        _("Deposit received: order %(number)s"),
        _("Your deposit of %(amount)s %(currency)s is here. We keep your order %(number)s until %(until)s."),
    ),
    Kind.DEPOSIT_KEPT: (
        _("Deposit counted: order %(number)s"),
        _("Your deposit of %(amount)s %(currency)s counted towards the price of order %(number)s."),
    ),
    Kind.DEPOSIT_HELD: (
        _("Earnest money: order %(number)s"),
        _(
            "Order %(number)s ended without a sale. %(amount)s %(currency)s of earnest money stay with us until it is "
            "stated whose fault that was; we let you know."
        ),
    ),
    Kind.DEPOSIT_FORFEITED: (
        _("Earnest money forfeited: order %(number)s"),
        _(
            "The sale of order %(number)s failed by its buyer's fault, as two of our employees found: %(reason)s. By "
            "the terms you accepted %(amount)s %(currency)s of earnest money stay with us. You may dispute this."
        ),
    ),
    Kind.DEPOSIT_DOUBLED: (
        _("Earnest money returned double: order %(number)s"),
        _(
            "The sale of order %(number)s failed by our fault: %(reason)s. Your earnest money goes back to you, and "
            "%(amount)s %(currency)s once more."
        ),
    ),
    Kind.DEPOSIT_RETURNED: (
        _("Deposit returned: order %(number)s"),
        _("Your deposit of %(amount)s %(currency)s for order %(number)s has gone back to you in full."),
    ),
    Kind.CAR_OFFERED: (
        _("The car you queue for is free: %(name)s"),
        _("We keep %(name)s for you until %(expires_at)s. Order it in time, or it goes to the next in the queue."),
    ),
    Kind.CAR_OFFER_ENDING: (
        _("Your offer ends soon: %(name)s"),
        _("%(name)s is kept for you until %(expires_at)s only. Order it, or it goes to the next in the queue."),
    ),
    Kind.OFFER_SENT: (
        _("Our offer to you: %(total_amount)s %(currency)s"),
        _(
            "We made you offer %(number)s: %(total_amount)s %(currency)s in all, valid until %(valid_until)s, that day "
            "included. Look at it, accept or decline it on the page of the offer."
        ),
    ),
    Kind.MESSAGE_SENT: (
        _("Message about order %(number)s"),
        _("Our manager has written to you about your order %(number)s. Read it and answer on the page of the order."),
    ),
    Kind.ANSWER_WANTED: (
        _("Question about order %(number)s"),
        _("The buyer of order %(number)s has written and waits for an answer."),
    ),
    Kind.HANDOVER_REMINDER: (
        _("Soon: hand-over of order %(number)s"),
        _("We hand your order %(number)s over to you at %(start_time)s, %(location)s. Please bring your passport."),
    ),
    Kind.HOLD_ENDING: (
        _("Order %(number)s is held until %(expires_at)s"),
        _("We keep what is in your order %(number)s for you until %(expires_at)s. Please go on with it, or call us."),
    ),
    Kind.AGREEMENT_NEEDED: (
        _("Please pay for order %(number)s: %(amount)s %(currency)s"),
        _(
            "More is left to pay for your order %(number)s than you agreed to, so we have charged nothing. Please look "
            "at the order and pay %(amount)s %(currency)s yourself, or call us."
        ),
    ),
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
    Kind.SEAT_OFFERED: (
        _("A seat is offered to you: %(title)s"),
        _("A seat at “%(title)s” is kept for you until %(expires_at)s. Accept it in time, or it goes to the next."),
    ),
    Kind.HAPPENING_REMINDER: (
        _("Soon: %(title)s"),
        _("“%(title)s” begins at %(start_date)s. %(location)s"),
    ),
    Kind.DRIVE_REMINDER: (
        _("Soon: your test drive of %(car_name)s"),
        _("Your test drive of %(car_name)s begins at %(start_time)s. Please bring your driving licence."),
    ),
    Kind.SEARCH_MATCHED: (
        _("New cars for you: %(name)s"),
        _("New cars match your search “%(name)s”: %(count)s."),
    ),
    Kind.LOAN_REJECTED: (
        _("Loan application refused"),
        _("We could not approve your loan application. %(detail)s"),
    ),
    Kind.LOAN_DISBURSED: (
        _("Loan paid out: %(amount)s %(currency)s"),
        _("Your loan of %(amount)s %(currency)s is paid into your order."),
    ),
    Kind.LOAN_DUE: (
        _("Loan payment due: %(amount)s %(currency)s"),
        _("Your loan payment of %(amount)s %(currency)s is due on %(due_date)s."),
    ),
    Kind.LOAN_REDATED: (
        _("Loan payment moved to %(due_date)s"),
        _(
            "A decree moved days off. Your loan payment of %(old_due_date)s is now due on %(due_date)s: %(amount)s "
            "%(currency)s. Payments moved in all: %(payments)s. The new schedule is in your account."
        ),
    ),
    Kind.LOAN_REFUSED: (
        _("Loan payment refused: %(amount)s %(currency)s"),
        _(
            "Your payment of %(amount)s %(currency)s for your loan did not go through, and nothing was counted. Please "
            "see that there is enough money, and pay again or in another way."
        ),
    ),
    Kind.LOAN_OVERDUE: (
        _("Loan payment overdue: %(overdue_amount)s %(currency)s"),
        _("Your loan payment of %(overdue_amount)s %(currency)s was due on %(due_date)s. Please pay it now."),
    ),
    Kind.POLICY_PURCHASED: (
        _("Your policy is issued"),
        _("Your policy (%(insurance_type)s) is in force from %(start_date)s to %(end_date)s."),
    ),
    Kind.POLICY_ENDING: (
        _("Your policy ends on %(end_date)s"),
        _("Your policy (%(insurance_type)s) ends on %(end_date)s. Take out the next one in time."),
    ),
    Kind.INSTALMENT_DUE: (
        _("Instalment due: %(amount)s %(currency)s"),
        _("The next instalment of your policy, %(amount)s %(currency)s, is due by %(due_date)s."),
    ),
    Kind.INSTALMENT_OVERDUE: (
        _("Instalment overdue: %(amount)s %(currency)s"),
        _(
            "The instalment of your policy, %(amount)s %(currency)s, was due by %(due_date)s. Pay it until "
            "%(grace_until)s: afterwards nothing is covered."
        ),
    ),
    Kind.POLICY_SUSPENDED: (
        _("Your policy covers nothing at the moment"),
        _(
            "An instalment of %(amount)s %(currency)s is not paid: nothing after %(covered_through)s is covered until "
            "it is. After %(ends_after)s the policy ends."
        ),
    ),
    Kind.CLAIM_DOCUMENTS: (
        _("Papers are needed for your claim"),
        _("We need more papers to decide your claim. Please add them in your account."),
    ),
    Kind.CLAIM_PAID: (
        _("Claim paid: %(amount)s %(currency)s"),
        _("We have paid your claim: %(amount)s %(currency)s."),
    ),
    Kind.SIGNED_IN: (
        _("Sign-in to your account"),
        _("Somebody signed in to your account at %(at)s. If it was not you, change your password."),
    ),
    Kind.STOCK_LOW: (
        _("Stock is low: %(sku)s"),
        _("Of %(sku)s only %(available)s can be sold; the threshold is %(threshold)s."),
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

_HANDOVER_CONFIRMED: Template = (
    _("Hand-over of order %(number)s: %(start_time)s"),
    _(
        "We hand your order %(number)s over to you at %(start_time)s, %(location)s. Please bring your passport and, if "
        "somebody else comes, a power of attorney."
    ),
)
_HANDOVER_MOVED: Template = (
    _("Hand-over of order %(number)s, changed: %(start_time)s"),
    _("The hand-over of your order %(number)s has changed: it is at %(start_time)s, %(location)s."),
)
_HANDOVERS_ENDED: dict[str, Template] = {
    "refused": (
        _("Please choose another time: order %(number)s"),
        _(
            "%(start_time)s is not free any more for the hand-over of your order %(number)s. Please choose another "
            "time."
        ),
    ),
    "lost": (
        _("Please choose another time: order %(number)s"),
        _(
            "We are sorry: the hand-over of your order %(number)s cannot take place at %(start_time)s. Please choose "
            "another time."
        ),
    ),
    "cancelled": (
        _("Hand-over called off: order %(number)s"),
        _("The hand-over of your order %(number)s at %(start_time)s is called off. You can choose another time."),
    ),
}
"""By its outcome; what its buyer did themselves, another time and the end of the order are told otherwise."""
_DRIVE_CONFIRMED: Template = (
    _("Test drive confirmed: %(car_name)s"),
    _("Your test drive of %(car_name)s is booked for %(start_time)s. Please bring your driving licence."),
)
_DRIVE_MOVED: Template = (
    _("Another car for your test drive: %(car_name)s"),
    _("We no longer have the car you booked. You will drive an equal one, %(car_name)s, at %(start_time)s."),
)
_LOAN_APPROVED: Template = (
    _("Loan approved: %(amount)s %(currency)s"),
    _(
        "Your loan of %(amount)s %(currency)s is approved: %(term_months)s months at %(monthly_payment)s %(currency)s. "
        "The offer stands until %(expires_at)s."
    ),
)
_LOAN_CLOSED: Template = (_("Your loan is repaid"), _("Nothing is owed on your loan any more. Thank you!"))
_SEAT_KEPT: Template = (
    _("A seat is kept for you: %(title)s"),
    _("A seat at “%(title)s” is kept for you until %(offer_expires_at)s."),
)
_DIGEST: Template = (_("Your news of the day: %(count)s"), "%(text)s")
_GATHERED: Template = (_("%(headline)s and %(others)s more"), "%(text)s")


def has_text(kind: str, data: dict[str, Any]) -> bool:
    """Tell whether there is anything to say."""
    return _template(kind, data) is not None


def render(kind: str, data: dict[str, Any], language: str, zone: str) -> Text:
    """Put news into words of a language; `data` holds the event's plain values. Raises KeyError on unknown news.

    A language that we do not speak is told in the house's own. Moments are told on the wall clock that `data` names
    as `time_zone`, or else on that of `zone`.
    """
    template = _template(kind, data)
    if template is None:
        raise KeyError(kind, data.get("status"))
    with translation.override(language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE):
        values = _Values({name: show_value(name, value, data.get("time_zone") or zone) for name, value in data.items()})
        title, body = (str(part) % values for part in template)
    return Text(title[:300], body.strip())


class _Values(dict[str, Any]):
    """Values of an event; what an older one did not tell is left out."""

    def __missing__(self, name: str) -> str:
        return ""


_CHOSEN: dict[str, tuple[str, dict[str, Template]]] = {
    Kind.ORDER: ("status", _ORDERS),
    Kind.REGISTRATION_CREATED: ("status", _REGISTRATIONS),
    Kind.QUEUE_LEFT: ("outcome", _QUEUES_LEFT),
    Kind.WEBHOOK_DISABLED: ("reason", _WEBHOOKS),
    Kind.DRIVE_ENDED: ("outcome", _DRIVES_ENDED),
    Kind.CLAIM_DECIDED: ("decision", _CLAIMS_DECIDED),
    Kind.HANDOVER_ENDED: ("outcome", _HANDOVERS_ENDED),
}
"""Kinds whose words depend on one of their values; a value without words is no news."""


def _template(kind: str, data: dict[str, Any]) -> Template | None:
    if kind == Kind.ORDER and (data.get("previous"), data["status"]) == ("returning", "completed"):
        return _RETURN_REFUSED
    if kind in _CHOSEN:
        name, templates = _CHOSEN[kind]
        found = templates.get(data[name])
        return _SEAT_KEPT if found is _REGISTRATIONS["offered"] and data.get("offer_expires_at") else found
    if kind == Kind.ATTENTION_NEEDED:
        return _ATTENTION.get(data["cause"], _ATTENTION[""])
    if kind == Kind.DRIVE_CONFIRMED:
        return _DRIVE_MOVED if data.get("is_moved") else _DRIVE_CONFIRMED
    if kind == Kind.HANDOVER_CONFIRMED:
        return _HANDOVER_MOVED if data.get("is_moved") else _HANDOVER_CONFIRMED
    if kind == Kind.LOAN_APPROVED:
        return None if data.get("is_accepted") else _LOAN_APPROVED
    if kind == Kind.LOAN_CLOSED:
        return _LOAN_CLOSED if data.get("reason") == "repaid" else None
    if kind == Kind.DIGEST:
        return _GATHERED if data.get("headline") else _DIGEST
    return _OTHERS.get(kind)
