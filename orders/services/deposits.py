"""Deposits: the terms a buyer accepts before paying, and the outcome, which follows from the order by rule."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.money import ZERO
from messaging.outbox import publish
from orders import events
from orders.models import CLOSED, OPEN, SOLD, DepositAgreement, DepositKind, DepositState, Fault, LegKind, Order
from orders.rules.funding import DROPPED, FAILED, PAID, compute_lent
from orders.rules.requests import PaymentRequest, PlannedPayment, earned_by_insurers
from orders.services.history import Actor, record_step
from orders.services.locking import LockedOrder

LEG = "deposit"
VERSIONS: dict[str, str] = {DepositKind.ADVANCE: "2026-11", DepositKind.EARNEST: "2026-11-earnest"}
"""The terms in force of each kind. A version changes with every word: an agreement names the one its buyer read."""
TERMS_VERSION = VERSIONS[DepositKind.ADVANCE]


@dataclass(frozen=True)
class DepositTerms:
    """The words that a buyer reads before paying a deposit; `until` is for one that is agreed to now."""

    version: str
    kind: str
    text: str
    until: datetime


def deposit_terms(now: datetime) -> DepositTerms:
    """Return the terms of the kind of deposit that the dealer offers, in the reader's language."""
    kind = offered_kind()
    return DepositTerms(VERSIONS[kind], kind, terms_text(kind), deposit_until(now))


def offered_kind() -> DepositKind:
    """Return the kind of deposit that the dealer takes now."""
    return DepositKind(settings.DEPOSIT_KIND)


def terms_text(kind: str) -> str:
    """Return the terms in force of one kind, in the reader's language."""
    if kind == DepositKind.EARNEST:
        return _(
            "This deposit is earnest money (Civil Code of the Russian Federation, articles 380 and 381): it is given "
            "in proof and as security of the sale. While it is with us we keep the car for you until the date named "
            "here; pay the rest by then, and the earnest money counts towards the price. If the sale fails by your "
            "fault, because you cancel or do not pay the rest by that date, the earnest money stays with us. If it "
            "fails by our fault, because we cancel or cannot deliver the car, we return it double. If it ends by "
            "agreement before either of us has begun to perform, or because it cannot be performed for reasons that "
            "neither of us answers for, all of it goes back to you. Whose fault it was is stated in writing by one "
            "employee with the reason and confirmed by a second; you may dispute it."
        )
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

    Who names none has the advance that the law presumes of money paid ahead: clients older than the terms do so. Where
    the dealer takes earnest money there is no such deposit: nothing is forfeited that nobody agreed to.
    """
    if deposit is None:
        return
    version, named = VERSIONS[offered_kind()], deposit.get("terms") or ""
    if named != version and (named or version != TERMS_VERSION):
        detail = _("Accept the terms of the deposit: send their version, %(version)s.") % {"version": version}
        raise InvalidInput("deposit.terms", "terms_not_accepted", detail)
    if Decimal(deposit["amount"]) > total:
        raise InvalidInput("deposit.amount", "exceeds_total", _("A deposit is no more than the price."))


def agree_deposit(order: Order, deposit: dict[str, Any], actor: Actor, now: datetime) -> DepositAgreement:
    """Write down what was agreed about the deposit of an order that is being placed."""
    kind = offered_kind()
    return DepositAgreement.objects.create(
        order=order,
        kind=kind,
        amount=Decimal(deposit["amount"]),
        currency=order.currency,
        until=deposit_until(now),
        terms_version=VERSIONS[kind],
        terms_text=terms_text(kind),
        agreed_by=actor.id,
        agreed_at=now,
    )


def lock_deposit(saga: LockedOrder) -> DepositAgreement | None:
    """Lock the agreement about a locked order's deposit, if it has one."""
    if _part(saga) is None:
        return None
    return DepositAgreement.objects.select_for_update().filter(order_id=saga.order.id).first()


def secures(found: DepositAgreement | None) -> bool:
    """Tell whether a deposit is earnest money that came in, and stays when the sale fails."""
    return found is not None and found.kind == DepositKind.EARNEST and found.state == DepositState.PAID


def hold_deposit(saga: LockedOrder) -> Decimal:
    """Note what of earnest money stays as its order is undone, and return it: no more than its buyer's own money."""
    found = lock_deposit(saga)
    if found is None or not secures(found):
        return ZERO
    found.held_amount = max(ZERO, min(found.amount, own_money_left(saga)))
    found.save()
    mark_held(saga, HELD_BACK if found.held_amount else "")
    return found.held_amount


def takes_the_place(saga: LockedOrder, *, amount: Decimal, method: str, payment_id: UUID) -> bool:
    """Note money that the buyer sends after their deposit was refused as that deposit, if it is just as much.

    What was agreed on stands until its day, so nobody accepts its terms again.
    """
    request = PaymentRequest.of(saga.payment)
    part, found = request.named(LEG), lock_deposit(saga)
    if part is None or found is None or found.state != DepositState.AGREED or found.until <= saga.now:
        return False
    if part.state not in (FAILED, DROPPED) or amount != found.amount:
        return False
    part.state, part.method, part.payment_id = PAID, method or part.method, payment_id
    request.store(saga.payment)
    saga.mark(saga.payment, saga.payment.state)
    return True


def own_money_left(saga: LockedOrder) -> Decimal:
    """Return how much of the buyer's own money is with us, less what insurers have earned."""
    earned = earned_by_insurers(saga.legs.get(LegKind.POLICIES))
    return saga.order.amount_paid - compute_lent(saga.legs) - earned


def mark_held(saga: LockedOrder, held: str) -> None:
    """Show in what pays for the order what became of its earnest money; empty: it goes back like the rest."""
    request = PaymentRequest.of(saga.payment)
    part = request.named(LEG)
    if part is not None:
        part.held = held
        request.store(saga.payment)
        saga.mark(saga.payment, saga.payment.state)


def _part(saga: LockedOrder) -> PlannedPayment | None:
    return PaymentRequest.of(saga.payment).named(LEG)


def follow_deposit(saga: LockedOrder) -> None:
    """Bring a locked order's agreement to what became of its money; the caller saves the order."""
    part, found = _part(saga), lock_deposit(saga)
    if found is None or part is None:
        return
    is_paid = part.state == PAID
    _hold_no_more(saga, found)
    if found.state == DepositState.AGREED and is_paid:
        move_deposit(saga, found, DepositState.PAID)
    outcome = _held_outcome(saga, found) if found.state in UNSETTLED else _outcome(saga, found, is_paid=is_paid)
    if outcome:
        move_deposit(saga, found, outcome)


def _hold_no_more(saga: LockedOrder, found: DepositAgreement) -> None:
    """Hold no more of earnest money than is left: a refund may have been on its way, or a bank took some back."""
    left = own_money_left(saga)
    if found.state in (DepositState.PAID, DepositState.WAITING) and found.held_amount and 0 < left < found.held_amount:
        found.held_amount = left
        found.save()


UNSETTLED = (DepositState.WAITING, DepositState.SETTLING)
"""States of held earnest money that somebody still has to look at."""


def _outcome(saga: LockedOrder, found: DepositAgreement, *, is_paid: bool) -> str:
    """Return how an agreement ends now, if it does: no word of anybody is needed, nor counts against the terms.

    Earnest money whose sale failed waits for a word; while the sale stands, it is returned once all of it is back.
    """
    order = saga.order
    is_over = saga.checkout.finished_at is not None and order.status in CLOSED
    if found.state == DepositState.AGREED:
        return DepositState.DROPPED if is_over and not is_paid else ""
    if found.state != DepositState.PAID:
        return ""
    if order.status in SOLD:
        return DepositState.KEPT
    if is_over:
        return DepositState.WAITING if found.held_amount and own_money_left(saga) > 0 else DepositState.RETURNED
    left = order.amount_paid if found.kind == DepositKind.ADVANCE else order.amount_paid and found.amount
    return DepositState.RETURNED if order.status in OPEN and left < found.amount else ""


def _held_outcome(saga: LockedOrder, found: DepositAgreement) -> str:
    """Return how held earnest money ends once its money is gone: by the fault stated, or taken back without us."""
    if own_money_left(saga) > 0:
        return ""
    if found.state == DepositState.WAITING or found.fault == Fault.NOBODY:
        return DepositState.RETURNED
    return DepositState.DOUBLED if found.fault == Fault.SELLER and found.doubled_at is not None else ""


HELD_BACK, FORFEITED = "held", "forfeited"
"""States of a deposit that does not go back with the rest, in what pays for an order."""
_SHOWN = {DepositState.FORFEITED: FORFEITED, DepositState.RETURNED: "", DepositState.DOUBLED: ""}


def move_deposit(saga: LockedOrder, found: DepositAgreement, state: str) -> None:
    """Move an agreement on, note it in the timeline and tell it; the caller saves the order."""
    found.move(state, now=saga.now)
    found.save()
    if found.held_amount is not None and state in _SHOWN:
        mark_held(saga, _SHOWN[DepositState(state)])
    amount = found.amount if found.held_amount is None else found.held_amount
    record_step(saga, f"deposit.{state}", now=saga.now, reason=found.fault_reason, data={"amount": str(amount)})
    if state == DepositState.WAITING:
        saga.call_manager(LegKind.PAYMENT, "fault_unstated", f"{amount} {found.currency}")
    if state in _NEWS:
        publish(
            _NEWS[state](
                order_id=saga.order.id,
                number=saga.order.number,
                customer_id=saga.order.customer_id,
                amount=amount,
                currency=found.currency,
                until=found.until,
            )
        )
    elif state in _JUDGED:
        publish(
            _JUDGED[state](
                order_id=saga.order.id,
                number=saga.order.number,
                customer_id=saga.order.customer_id,
                amount=amount,
                currency=found.currency,
                reason=found.fault_reason,
            )
        )


_NEWS: dict[str, type[events.DepositPaid | events.DepositKept | events.DepositReturned]] = {
    DepositState.PAID: events.DepositPaid,
    DepositState.KEPT: events.DepositKept,
    DepositState.RETURNED: events.DepositReturned,
}
_JUDGED: dict[str, type[events.DepositHeld | events.DepositForfeited | events.DepositDoubled]] = {
    DepositState.WAITING: events.DepositHeld,
    DepositState.FORFEITED: events.DepositForfeited,
    DepositState.DOUBLED: events.DepositDoubled,
}
