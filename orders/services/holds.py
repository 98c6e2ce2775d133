"""Decide how long an order keeps its stock: by what the deal waits for, never by a shop timer.

Each kind of hold has a term (settings), counted from when it first applied: beginning the same thing again and again
gains nothing. The latest end of all that apply counts, up to the hard end, which a manager alone moves, with a reason.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from catalog.commands import ExtendHold
from core.money import ZERO
from messaging.delivery.timers import cancel_timers, set_timer
from messaging.outbox import publish, send
from orders import events
from orders.models import OPEN, LegState, Order, SagaState
from orders.models.holds import HoldKind
from orders.services.history import record_step
from orders.services.locking import LockedOrder

OFFER = "offer"
"""A hold for credit whose offer lies with the buyer: it has a term of its own."""
GRACE = timedelta(minutes=5)
"""The catalogue keeps the goods this much longer, so that it is always the order that decides."""
LONG = frozenset({HoldKind.CREDIT, OFFER, HoldKind.TRANSFER, HoldKind.TRADE_IN})
"""What ends by somebody's word: once it has, the buyer has the time of a checkout again to pay otherwise."""
NOTICE = timedelta(hours=4)
SHORT = timedelta(hours=1)
"""The end of a hold is announced four hours before, or in its last quarter; a checkout's and a card's never."""


def get_hold_term(kind: str) -> timedelta:
    """Return how long a kind of hold lasts at most, from when it first applied."""
    terms = {
        HoldKind.CHECKOUT: timedelta(minutes=settings.RESERVATION_MINUTES),
        HoldKind.PAYMENT: timedelta(minutes=settings.PAYMENT_HOLD_MINUTES),
        HoldKind.DEPOSIT: timedelta(hours=settings.DEPOSIT_HOLD_HOURS),
        HoldKind.CREDIT: timedelta(hours=settings.CREDIT_HOLD_HOURS),
        OFFER: timedelta(hours=settings.OFFER_HOLD_HOURS),
        HoldKind.TRANSFER: timedelta(hours=settings.OFFLINE_HOLD_HOURS),
        HoldKind.TRADE_IN: timedelta(hours=settings.TRADE_IN_HOLD_HOURS),
    }
    return terms[HoldKind(kind) if kind != OFFER else OFFER]


def begin_hold(order: Order, now: datetime) -> None:
    """Give an order that is being placed, or begins anew, the time of a checkout and its hard end."""
    order.hold_kind = HoldKind.CHECKOUT
    order.hold_since = {HoldKind.CHECKOUT.value: now.isoformat()}
    order.hold_hard_end = now + timedelta(days=settings.HOLD_DAYS_AT_MOST)
    order.reservation_expires_at = now + get_hold_term(HoldKind.CHECKOUT)


def end_hold(order: Order) -> None:
    """Forget the hold of an order that is sold or called off."""
    order.hold_kind, order.hold_since = "", {}
    order.reservation_expires_at = order.hold_hard_end = None


def rehold(saga: LockedOrder, for_legs: Sequence[str]) -> None:
    """Bring the hold of a waiting order to what its deal waits for now; the catalogue and the timer follow.

    `for_legs` are the kinds that the legs of its checkout deserve as they stand.
    """
    order = saga.order
    if order.reservation_expires_at is None or order.status not in OPEN or saga.checkout.is_undoing:
        return
    kinds = _kinds(saga, for_legs)
    _record_changes(order, kinds, saga.now)
    kind, end = _longest(saga, kinds)
    order.hold_kind = HoldKind.CREDIT if kind == OFFER else kind
    if end != order.reservation_expires_at:
        _move_end(saga, end)
    elif saga.is_newly_held:
        watch_hold(saga)


def _kinds(saga: LockedOrder, for_legs: Sequence[str]) -> list[str]:
    """Name every kind of hold that applies to the deal as it stands."""
    found: list[str] = [HoldKind.CHECKOUT, *for_legs]
    if saga.order.amount_paid > ZERO:
        found.append(HoldKind.DEPOSIT)
    if saga.checkout.state == SagaState.PARKED:
        found.append(HoldKind.MANUAL)
    return found


def _record_changes(order: Order, kinds: list[str], now: datetime) -> None:
    """Note when each kind first applied; the first time that a long one is over, the checkout begins anew."""
    since: dict[str, Any] = dict(order.hold_since)
    over = [kind for kind in LONG if kind in since and kind not in kinds and f"after_{kind}" not in since]
    for kind in over:
        since[f"after_{kind}"] = since[HoldKind.CHECKOUT] = now.isoformat()
    for kind in kinds:
        since.setdefault(kind, now.isoformat())
    order.hold_since = since
    order.hold_hard_end = order.hold_hard_end or now + timedelta(days=settings.HOLD_DAYS_AT_MOST)


def _longest(saga: LockedOrder, kinds: list[str]) -> tuple[str, datetime]:
    order = saga.order
    hard_end = order.hold_hard_end or saga.now
    ends = {kind: _since(order, kind) + get_hold_term(kind) for kind in kinds if kind != HoldKind.MANUAL}
    if HoldKind.MANUAL in kinds:
        ends[HoldKind.MANUAL] = hard_end
    elif "until" in order.hold_since:
        ends[HoldKind.MANUAL] = datetime.fromisoformat(order.hold_since["until"])
    kind = max(ends, key=lambda one: ends[one])
    return kind, min(max(ends[kind], _next_try(order)), hard_end)


def _next_try(order: Order) -> datetime:
    """A buyer whose payment failed has the rest of its time to try another card."""
    begun = HoldKind.PAYMENT if HoldKind.PAYMENT in order.hold_since else HoldKind.CHECKOUT
    return _since(order, begun) + get_hold_term(begun)


def _since(order: Order, kind: str) -> datetime:
    return datetime.fromisoformat(order.hold_since[kind])


def _move_end(saga: LockedOrder, end: datetime) -> None:
    """The catalogue never has to hold shorter: what it holds longer the order gives back itself."""
    order, was = saga.order, saga.order.reservation_expires_at
    order.reservation_expires_at = end
    if saga.stock.state != LegState.SUCCEEDED:
        return
    attempt_id = saga.stock.attempt_id
    if was is None or end > was:
        send(ExtendHold(order_id=order.id, attempt_id=attempt_id, expires_at=end + GRACE))
    watch_hold(saga)


def watch_hold(saga: LockedOrder) -> None:
    """Set the one timer of the hold: for its announcement where there is one, else for its end."""
    order = saga.order
    if order.reservation_expires_at is None:
        return
    cancel_timers(alias="orders", partition_key=str(order.id), event_type=events.ReservationLapsed.type)
    lapse = events.ReservationLapsed(order_id=order.id, attempt_id=saga.stock.attempt_id)
    set_timer(handler="orders.checkout", event=lapse, due_at=_next_look(order, saga.now))


def _next_look(order: Order, now: datetime) -> datetime:
    end = order.reservation_expires_at or now
    left = end - now
    if left <= SHORT or order.hold_since.get("told") == end.isoformat():
        return end
    return end - min(NOTICE, left / 4)


def look_at_hold(saga: LockedOrder) -> bool:
    """Look at a hold whose timer rang: announce its end, or tell by True that it is over."""
    end = saga.order.reservation_expires_at
    if end is None:
        return False
    if saga.now < end:
        _announce(saga, end)
        watch_hold(saga)
        return False
    if saga.payment.state == LegState.SUCCEEDED:
        _extend_paid_hold(saga)
        return False
    return True


def _announce(saga: LockedOrder, end: datetime) -> None:
    order = saga.order
    is_short = order.hold_kind in (HoldKind.CHECKOUT, HoldKind.PAYMENT)
    if is_short or end - saga.now > NOTICE or order.hold_since.get("told") == end.isoformat():
        return
    order.hold_since = order.hold_since | {"told": end.isoformat()}
    record_step(saga, "hold.ending", now=saga.now, data={"kind": order.hold_kind, "expires_at": end.isoformat()})
    publish(
        events.HoldEnding(
            order_id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            kind=order.hold_kind,
            expires_at=end,
        )
    )
    saga.call_manager(saga.checkout.step, "hold_ending", order.get_hold_kind_display())


def _extend_paid_hold(saga: LockedOrder) -> None:
    """A deal that is paid for is never undone by the clock: a manager has to look why it does not end."""
    order = saga.order
    order.hold_hard_end = saga.now + timedelta(days=1)
    saga.call_manager(saga.checkout.step, "hold_over", "The money is here, and the hold of the stock is over.")
    _move_end(saga, order.hold_hard_end)


# Applications that the buyer made by themselves ---------------------------------------------------------------------
def applications(order: Order) -> dict[str, str]:
    """Return the buyer's own applications with the hold that each deserves."""
    found: dict[str, str] = order.hold_since.get("applications", {})
    return found


def record_application(saga: LockedOrder, application_id: Any, kind: str | None) -> None:
    """Note that the buyer's own application is being decided (`credit`), offered (`offer`), or over (None)."""
    order = saga.order
    if order.status not in OPEN or not order.hold_since:
        return
    known = {key: value for key, value in applications(order).items() if key != str(application_id)}
    order.hold_since = order.hold_since | {"applications": known | ({str(application_id): kind} if kind else {})}
