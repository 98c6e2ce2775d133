"""Cars taken in exchange: what they cost is ours in cars, earned with the sale, and owed above what they pay for."""

from datetime import datetime
from uuid import UUID

from core.db import transaction
from gateway.approvals import let
from payments.approvals import ASKED_FOR
from payments.commands import PostTradeIn
from payments.models import EntryKind, LedgerEntry, PayoutPurpose
from payments.services.ledger import About, is_posted, post
from payments.services.order_accounts import lock_order_account

USED_CARS = "used_cars"
"""Account of the cars taken in exchange, at the value given for them."""


def post_trade_in(*, car: PostTradeIn, now: datetime) -> None:
    """Book a car taken in exchange at its value: part of the sale, and owed to its former owner as far as above it."""
    with transaction("payments"):
        let(ASKED_FOR)
        lock_order_account(car.order_id)
        if not is_posted(EntryKind.TRADE_IN, car.order_id):
            about = _about(EntryKind.TRADE_IN, car.order_id, car.customer_id, car.currency)
            sides = {USED_CARS: car.amount, "sales": car.surplus - car.amount, _owed(car.order_id): -car.surplus}
            post(about, sides, now)


def reverse_trade_in(*, order_id: UUID, is_kept: bool, now: datetime) -> None:
    """Book that the exchange is undone: the car is its owner's again, or (`is_kept`) ours and its price is owed."""
    with transaction("payments"):
        let(ASKED_FOR)
        lock_order_account(order_id)
        entry = LedgerEntry.objects.filter(kind=EntryKind.TRADE_IN, reference=order_id).first()
        if entry is None or is_posted(EntryKind.TRADE_IN_UNDONE, order_id):
            return
        sides = {line.account_id: -line.amount for line in entry.lines.all()}
        if is_kept:
            sides = {"sales": sides["sales"], _owed(order_id): -sides["sales"]}
        post(_about(EntryKind.TRADE_IN_UNDONE, order_id, entry.customer_id, entry.currency), sides, now)


def _about(kind: EntryKind, order_id: UUID, customer_id: UUID | None, currency: str) -> About:
    return About(kind, order_id, currency, order_id=order_id, customer_id=customer_id)


def _owed(order_id: UUID) -> str:
    return f"{PayoutPurpose.TRADE_IN}:{order_id}"
