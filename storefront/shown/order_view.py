"""An order as its page tells it: sentences, a road with the present step on it, and what the buyer may do."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from core.money import ZERO
from financing.queries.borrowing import ApplicationCard
from orders.public import DepositFacts, FundingPart, OrderDocument, TimelineEntry, document_kinds
from payments.commands import BY_HAND
from payments.public import PaymentFacts
from storefront.forms.visitors import PaymentForm, new_key
from storefront.shown import wording
from storefront.shown.wording import StatusWording, Text

OPEN = ("created", "awaiting_payment", "paid", "in_progress", "ready")
CANCELLABLE = ("created", "awaiting_payment")
SOLD = ("paid", "in_progress", "ready")


@dataclass(frozen=True)
class RoadStep:
    """One stop on the way to the keys."""

    name: Text
    is_done: bool
    is_now: bool


@dataclass(frozen=True)
class MoneyPart:
    """A part of the order's money: who pays it, and how it stands."""

    payer: Text
    amount: Decimal
    state: Text


@dataclass(frozen=True)
class TimelineLine:
    """A line of the history in a buyer's words."""

    text: Text
    reason: Text
    at: datetime


class OrderView:
    """Everything the order's page shows, made from one reading of the order and its history."""

    def __init__(
        self,
        order: OrderDocument,
        history: list[TimelineEntry],
        payment: PaymentFacts | None,
        *,
        is_owner: bool,
        is_staff: bool = False,
        deposit: DepositFacts | None = None,
        loan: ApplicationCard | None = None,
    ) -> None:
        self.order = order
        self.loan = loan
        self.deposit = deposit
        self.payment = payment
        self.is_owner = is_owner
        self.wording = wording.STATUSES.get(order.status) or StatusWording(order.status, "", "calm")
        self.timeline = _lines(history)
        self.stamp = _stamp(order, history, payment, deposit)
        self.time_zone = settings.DEALER_TIME_ZONE
        self.is_open = order.status in OPEN
        self.promised = next((part.kind for part in order.funding if _is_promised(part)), "")
        is_paying = bool(self.promised) or (payment is not None and payment.status in wording.IN_FLIGHT)
        self.is_busy = order.saga.state in wording.BUSY or (self.is_open and is_paying and not self.promised)
        self.is_due = order.amount_due > 0 and order.status in CANCELLABLE
        self.can_cancel = is_owner and order.status in CANCELLABLE
        is_waiting = order.status == "awaiting_payment" and order.saga.state == "waiting"
        self.can_pay = is_owner and is_waiting and self.is_due and not is_paying
        self.can_change = self.can_pay and sum(item.quantity for item in order.items) > 1
        self.can_confirm_money = is_staff and promised_payment([payment] if payment else []) is not None
        self.is_staff = is_staff
        self.can_order_again = is_owner and order.status == "cancelled" and any(item.product_id for item in order.items)
        self.is_sold = is_owner and order.status in SOLD
        self.can_give_back = is_owner and order.status == "completed"

    @property
    def title(self) -> str:
        """Title of the browser's tab: the status first, so that it shows in a narrow tab."""
        return f"{self.wording.name} · {self.order.number} · {_('Autosalon')}"

    @property
    def meaning(self) -> Text:
        """Return what the status means, more exactly where the checkout's step is known."""
        step, state = self.order.saga.step, self.order.saga.state
        payment = self.payment
        if self.order.status == "awaiting_payment" and self.promised:
            return wording.PAYING[self.promised]
        is_paying = payment is not None and payment.status in wording.IN_FLIGHT
        if self.order.status == "awaiting_payment" and (is_paying or (state, step) == ("running", "payment")):
            told = (wording.PAYING.get(payment.status) or wording.PAYING.get(payment.method)) if payment else None
            return told or _("The car is held for you. We are waiting for the payment…")
        if self.order.status in CANCELLABLE and state == "compensating":
            return _("Something went wrong. We are undoing what was done…")
        return self.wording.meaning

    @property
    def confirm_url(self) -> str:
        """Return where the buyer has to confirm the payment, if the bank asks for it."""
        payment = self.payment
        is_asked = self.is_owner and self.is_due and payment is not None and payment.status == "requires_action"
        is_web = payment is not None and payment.action_url.startswith(("https://", "http://"))
        return payment.action_url if payment is not None and is_asked and is_web else ""

    @property
    def held_until(self) -> datetime | None:
        """Until when the car is set aside for this buyer, while that matters."""
        return self.order.reservation_expires_at if self.order.status == "awaiting_payment" else None

    @property
    def held_because(self) -> Text:
        """Why it is set aside for longer than the time of a checkout."""
        hold = self.order.hold
        return wording.HELD_BECAUSE.get(hold.kind, "") if hold is not None and self.held_until else ""

    @property
    def failure(self) -> Text:
        """Why the order ended, or why its last payment failed while it can still be paid."""
        failure, payment = self.order.saga.failure, self.payment
        if failure is not None:
            return wording.REASONS.get(failure.code) or failure.detail
        if self.can_pay and payment is not None and payment.status == "failed":
            return wording.REASONS.get(payment.failure_code) or payment.failure_detail
        return ""

    @property
    def deposit_state(self) -> StatusWording:
        """Return what became of the deposit that was agreed on."""
        state = self.deposit.state if self.deposit else ""
        return wording.DEPOSITS.get(state) or StatusWording(state, "", "calm")

    @property
    def deposit_again(self) -> Decimal | None:
        """Return the deposit that was agreed on and refused: it may be paid anew, by the terms that were accepted."""
        found = self.deposit
        if found is None or not self.can_pay or found.state != "agreed" or found.until <= timezone.now():
            return None
        return found.amount if found.amount < self.own_due else None

    @property
    def road(self) -> list[RoadStep]:
        """The stops of an order that goes well; empty for one that ended otherwise."""
        if self.order.status not in wording.ROAD:
            return []
        now = wording.ROAD.index(self.order.status)
        is_over = self.order.status == wording.ROAD[-1]
        return [
            RoadStep(
                name=wording.STATUSES[status].name,
                is_done=index < now or is_over,
                is_now=index == now and not is_over,
            )
            for index, status in enumerate(wording.ROAD)
        ]

    @property
    def own_due(self) -> Decimal:
        """Return what the buyer has still to bring by themselves: a loan that is agreed pays the rest."""
        is_lent = any(part.kind == "loan" and part.state == "paid" for part in self.order.funding)
        return max(ZERO, self.order.amount_due - (ZERO if is_lent else self.order.loan_amount))

    @property
    def money_parts(self) -> list[MoneyPart]:
        """Return who pays what, where it is not all one: bank, old car, own money, and what went back to whom."""
        parts = [part for part in self.order.funding if part.amount]
        is_plain = len(parts) == 1 and parts[0].state not in ("returned", "returning", "to_return")
        return [] if is_plain else [_money_part(part) for part in parts]

    @property
    def papers(self) -> list[tuple[str, Text]]:
        """Documents that can be printed now, as (kind, name)."""
        return [(kind, wording.PAPERS[kind]) for kind in document_kinds(self.order.status)]

    @property
    def payment_form(self) -> PaymentForm:
        """The form to pay what is due."""
        return PaymentForm()

    @property
    def pay_key(self) -> UUID:
        """A key that makes a second click on «pay» harmless."""
        return new_key()


def _money_part(part: FundingPart) -> MoneyPart:
    states = wording.LOAN_MONEY_STATES if part.kind == "loan" else {}
    state = states.get(part.state) or wording.MONEY_STATES.get(part.state, "")
    return MoneyPart(payer=wording.PAYERS.get(part.kind, part.kind), amount=abs(part.amount), state=state)


def _stamp(
    order: OrderDocument, history: list[TimelineEntry], payment: PaymentFacts | None, deposit: DepositFacts | None
) -> str:
    """Changes whenever the page looks otherwise."""
    others = [one for one in (payment and payment.status, deposit and deposit.state) if one]
    return "-".join(str(part) for part in (order.version, len(history), order.saga.state, order.saga.step, *others))


def promised_payment(payments: list[PaymentFacts]) -> PaymentFacts | None:
    """The cash or transfer that is still waited for."""
    return next((one for one in payments if one.method in BY_HAND and one.status == "pending"), None)


def _is_promised(part: FundingPart) -> bool:
    """Tell whether the buyer said they would bring this part: known before payments has heard of it."""
    return part.kind in BY_HAND and part.state == "running"


def _lines(history: list[TimelineEntry]) -> list[TimelineLine]:
    """The newest first; without the system's own book-keeping, without providers' words: those have one language."""
    return [
        TimelineLine(
            text=wording.EVENTS[entry.event],
            reason=wording.reason(entry.reason) if entry.event.startswith("order.") else "",
            at=datetime.fromisoformat(entry.at),
        )
        for entry in reversed(history)
        if entry.event in wording.EVENTS
    ]


def summary(order: OrderDocument) -> dict[str, Any]:
    """A row of the list of orders."""
    return {
        "id": order.id,
        "number": order.number,
        "items": order.items,
        "more": len(order.items) - 1,
        "total_amount": order.total_amount,
        "currency": order.currency,
        "status": order.status,
        "created_at": order.created_at,
    }
