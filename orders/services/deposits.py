"""Deposits: the terms a buyer accepts before paying, and the outcome, which follows from the order by rule."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import InvalidInput
from messaging.outbox import publish
from orders import events
from orders.models import CLOSED, OPEN, SOLD, DepositAgreement, DepositKind, DepositState, LegKind, Order
from orders.services.funding import PAID, parts_of
from orders.services.history import Actor, record_step

if TYPE_CHECKING:
    from orders.services.saga import Saga

LEG = "deposit"
TERMS_VERSION = "2026-11"
"""Changes with every word of the text: an agreement names the one that its buyer read."""


@dataclass(frozen=True)
class DepositTerms:
    """Terms a buyer reads before paying a deposit; `until` is for one that is agreed to now."""

    version: str
    kind: str
    text: str
    until: datetime


def deposit_terms(now: datetime) -> DepositTerms:
    """The terms in force, in the reader's language."""
    return DepositTerms(TERMS_VERSION, DepositKind.ADVANCE, terms_text(), deposit_until(now))


def terms_text() -> str:
    """The terms in force, in the reader's language."""
    return _(
        "This deposit is an advance payment (Civil Code of the Russian Federation, article 487), not earnest money in "
        "the sense of articles 380 and 381. While it is with us we keep the car for you until the date named here. "
        "When you pay the rest, the advance counts towards the price. If the sale does not come about, whoever gives "
        "up and for whatever reason, all of it goes back to you the way it was paid."
    )


def deposit_until(now: datetime) -> datetime:
    """Until when a car is kept for a deposit that is agreed to now."""
    return now + min(timedelta(hours=settings.DEPOSIT_HOLD_HOURS), timedelta(days=settings.HOLD_DAYS_AT_MOST))


def require_terms(deposit: dict[str, Any] | None, total: Decimal) -> None:
    """Let nobody pay a deposit by terms that are not in force, nor one above the price. Raises InvalidInput.

    Who names none has the advance that the law presumes of money paid ahead: clients older than the terms do so.
    """
    if deposit is None:
        return
    if deposit.get("terms") not in (None, "", TERMS_VERSION):
        detail = _("Accept the terms of the deposit: send their version, %(version)s.") % {"version": TERMS_VERSION}
        raise InvalidInput("deposit.terms", "terms_not_accepted", detail)
    if Decimal(deposit["amount"]) > total:
        raise InvalidInput("deposit.amount", "exceeds_total", _("A deposit is no more than the price."))


def agree_deposit(order: Order, deposit: dict[str, Any], actor: Actor, now: datetime) -> DepositAgreement:
    """Write down what was agreed about the deposit of an order that is being placed."""
    return DepositAgreement.objects.create(
        order=order,
        kind=DepositKind.ADVANCE,
        amount=Decimal(deposit["amount"]),
        currency=order.currency,
        until=deposit_until(now),
        terms_version=TERMS_VERSION,
        terms_text=terms_text(),
        agreed_by=actor.id,
        agreed_at=now,
    )


def follow_deposit(saga: "Saga") -> None:
    """Bring a locked order's agreement to what became of its money; the caller saves the order."""
    part = next((one for one in parts_of(saga.legs[LegKind.PAYMENT]) if one["leg"] == LEG), None)
    found = DepositAgreement.objects.select_for_update().filter(order_id=saga.order.id).first() if part else None
    if found is None or part is None:
        return
    if found.state == DepositState.AGREED and part["state"] == PAID:
        _move(saga, found, DepositState.PAID)
    outcome = _outcome(saga, found, is_paid=part["state"] == PAID)
    if outcome:
        _move(saga, found, outcome)


def _outcome(saga: "Saga", found: DepositAgreement, *, is_paid: bool) -> str:
    """Return how an agreement ends now, if it does: no word of anybody is needed, nor counts against the terms."""
    order = saga.order
    is_over = saga.checkout.finished_at is not None and order.status in CLOSED
    if found.state == DepositState.AGREED:
        return DepositState.DROPPED if is_over and not is_paid else ""
    if found.state != DepositState.PAID:
        return ""
    if order.status in SOLD:
        return DepositState.KEPT
    is_given_back = order.status in OPEN and order.amount_paid < found.amount
    return DepositState.RETURNED if is_over or is_given_back else ""


_NEWS: dict[str, type[events.DepositPaid | events.DepositKept | events.DepositReturned]] = {
    DepositState.PAID: events.DepositPaid,
    DepositState.KEPT: events.DepositKept,
    DepositState.RETURNED: events.DepositReturned,
}


def _move(saga: "Saga", found: DepositAgreement, state: str) -> None:
    found.move(state, now=saga.now)
    found.save()
    record_step(saga, f"deposit.{state}", now=saga.now, data={"amount": str(found.amount)})
    if state in _NEWS:
        publish(
            _NEWS[state](
                order_id=saga.order.id,
                number=saga.order.number,
                customer_id=saga.order.customer_id,
                amount=found.amount,
                currency=found.currency,
                until=found.until,
            )
        )
