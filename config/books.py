"""The books: what every app believes of the same orders, held against each other across all databases."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connections
from django.utils import timezone

import catalog.public
import financing.public
import insurance.public
import orders.public
import payments.public
import resources.public
import showroom.public
from core.clock import dealer_zone
from core.plugins import Disagreement
from messaging.delivery.parked import served
from messaging.subscriptions import subscriptions
from orders.public import OrderFacts

HOLDING = {"created", "awaiting_payment"}
SOLD = {"paid", "in_progress", "ready", "completed"}
ENDED = {"cancelled", "refunded", "returned"}
LATE = timedelta(minutes=10)
"""So long after its end an offer is given to the next at the latest."""
RETURNING = "returning"
"""Sold too, until the return is accepted and the sale is being undone."""

_IN_FLIGHT = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM messaging_outbox WHERE position IS NULL LIMIT 1000) AS o)
     + (SELECT count(*) FROM (SELECT 1 FROM messaging_inbox
                              WHERE status = 0 AND next_at < '9999-01-01' LIMIT 1000) AS i)
     + (SELECT count(*) FROM (SELECT 1 FROM messaging_external_call
                              WHERE state IN ('new', 'sent', 'unknown') LIMIT 1000) AS c)
"""

_HEAD = "SELECT coalesce(max(position), 0) FROM messaging_feed_head"

_LOG = """
WITH counted AS MATERIALIZED (
    SELECT aggregate, aggregate_id, max(seq) AS top, min(seq) AS low, count(*) AS n FROM messaging_outbox GROUP BY 1, 2
)
SELECT 'positions', count(*)::text || ' positions up to ' || coalesce(max(position), 0)
FROM messaging_outbox WHERE position > coalesce((SELECT began_at FROM messaging_feed_head WHERE id = 1), 0)
HAVING coalesce(max(position) - min(position) + 1, 0) <> count(*)
    OR coalesce(max(position), 0) > (SELECT coalesce(max(position), 0) FROM messaging_feed_head)
UNION ALL
SELECT 'sequence', s.aggregate || ' ' || s.aggregate_id || ' counts to ' || s.last_seq
FROM messaging_event_stream s JOIN counted o USING (aggregate, aggregate_id)
WHERE o.top <> s.last_seq OR o.top - o.low + 1 <> o.n
"""


def in_flight() -> int:
    """Events, deliveries and calls still under way, counted up to a thousand of each in each database.

    A paused handler that is behind counts: what it has not read is not settled, however long nobody resumes it.
    """
    return _moving() + len(standing_still())


def standing_still() -> list[str]:
    """Paused handlers that have not copied all of a source's log: they wait for people."""
    return sorted({handler for handler, is_paused in _behind() if is_paused})


def _moving() -> int:
    """Count what goes on by itself."""
    waiting = sum(_count(alias, _IN_FLIGHT) for alias in served())
    return waiting + sum(not is_paused for _, is_paused in _behind())


def _behind() -> list[tuple[str, bool]]:
    """Handlers that have not copied all they want of a source's log yet, and whether they are paused."""
    heads = {alias: _count(alias, _HEAD) for alias in served()}
    known = subscriptions()
    found = []
    for alias in served():
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT source, handler, position, is_paused FROM messaging_inbox_cursor")
            rows = cursor.fetchall()
        found += [
            (handler, is_paused)
            for source, handler, position, is_paused in rows
            if handler in known
            and position < heads.get(source, 0)
            and _has_more(source, position, list(known[handler].events))
        ]
    return found


def _has_more(source: str, position: int, types: list[str]) -> bool:
    with connections[source].cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM messaging_outbox WHERE position > %s AND type = ANY(%s))", [position, types]
        )
        (found,) = cursor.fetchone()
    return bool(found)


def _count(alias: str, query: str) -> int:
    with connections[alias].cursor() as cursor:
        cursor.execute(query)
        (count,) = cursor.fetchone()
    return int(count)


def wait_until_quiet(seconds: float) -> int:
    """Wait until nothing moves by itself any more, at most `seconds`; return what is still under way."""
    deadline = time.monotonic() + seconds
    while _moving() and time.monotonic() < deadline:
        time.sleep(0.2)
    return in_flight()


CHECKS: dict[str, Callable[[], Iterable[Disagreement]]] = {
    "stock and its movements": catalog.public.stock_disagreements,
    "categories and their tree": catalog.public.tree_disagreements,
    "payments and the ledger": payments.public.ledger_disagreements,
    "receipts and the money that was moved": payments.public.receipt_disagreements,
    "payments and the provider's book": lambda: payments.public.provider_disagreements() or (),
    "loans and their schedules": financing.public.loan_disagreements,
    "loans and what goes back of them": lambda: refund_disagreements(),
    "policies": insurance.public.policy_disagreements,
    "seats": showroom.public.seat_disagreements,
    "allocations": resources.public.allocation_disagreements,
    "orders and their roll-ups": orders.public.stat_disagreements,
    "orders and their VAT": orders.public.vat_disagreements,
    "sales and their commission": lambda: orders.public.commission_disagreements(dealer_zone().key),
    "orders, stock and money": lambda: order_disagreements(),
    "offers of queued cars": lambda: offer_disagreements(),
    "sold cars and their bookings": lambda: lending_disagreements(),
    "hand-overs and their places": lambda: handover_disagreements(),
    "deposits and their orders": orders.public.deposit_disagreements,
    "earnest money and the ledger": lambda: earnest_disagreements(),
    "cars taken in exchange": lambda: exchange_disagreements(),
    "deals": orders.public.deal_disagreements,
    "event logs": lambda: log_disagreements(),
}


def refund_disagreements() -> Iterator[Disagreement]:
    """Refunds of loans that payments do not know, or know of another amount."""
    for asked in financing.public.refunds_of_loans():
        paid_out = payments.public.get_payouts(list(asked))
        for refund_id, amount in asked.items():
            if paid_out.get(refund_id) != amount:
                detail = f"{amount} asked for, {paid_out.get(refund_id, 'nothing')} known to payments"
                yield Disagreement("loan_refund_unknown", {"refund_id": str(refund_id)}, detail)


def order_disagreements() -> Iterator[Disagreement]:
    """Orders whose stock or money elsewhere is not what their status says; those still moving are left out."""
    held = {order_id: (attempt_id, status) for order_id, attempt_id, status in catalog.public.open_reservations()}
    money = {row.order_id: row.taken - row.refunded for row in payments.public.money_by_order()}
    lent: dict[UUID, Decimal] = {}
    for loan in financing.public.loans_by_order():
        if loan.status != "cancelled":
            lent[loan.order_id] = lent.get(loan.order_id, Decimal(0)) + loan.paid_out
    returned = insurance.public.premiums_returned()
    offers = orders.public.live_offers()
    for order in orders.public.order_facts():
        stock = held.pop(order.order_id, None)
        paid = money.pop(order.order_id, Decimal(0)) + lent.pop(order.order_id, Decimal(0))
        yield from _check_order(order, stock, paid, returned.get(order.order_id, Decimal(0)))
    for order_id in held.keys() - offers.keys():
        yield Disagreement("stock_without_order", {"order_id": str(order_id)}, "stock is held for an unknown order")
    for order_id, amount in (money | lent).items():
        if amount:
            yield Disagreement("money_without_order", {"order_id": str(order_id)}, f"{amount} was taken")


def _check_order(
    order: OrderFacts, stock: tuple[UUID, str] | None, paid: Decimal, returned: Decimal
) -> Iterator[Disagreement]:
    """`returned` is what insurance gives back of its premiums: a sold order asks for as much less."""
    ids = {"order_id": str(order.order_id)}
    if order.amount_paid != paid:
        yield Disagreement("order_paid", ids, f"the order says {order.amount_paid}, payments and loans say {paid}")
    is_sold = order.status in SOLD or (order.status == RETURNING and order.is_settled)
    if is_sold and order.returned_premiums != returned:
        detail = f"the order knows of {order.returned_premiums} given back, insurance of {returned}"
        yield Disagreement("order_premiums", ids, detail)
    if is_sold and order.amount_paid < order.total_amount:
        yield Disagreement("order_underpaid", ids, f"{order.status}, paid {order.amount_paid} of {order.total_amount}")
    if is_sold and order.sells_stock and stock != (order.stock_attempt_id, "sold"):
        yield Disagreement("order_without_stock", ids, f"{order.status}, its stock is {stock[1] if stock else 'free'}")
    if stock and order.is_settled and not is_sold:
        yield Disagreement("stock_kept", ids, f"{order.status}, its stock is still {stock[1]}")
    if order.is_settled and order.status in ENDED and order.amount_paid > order.kept:
        detail = f"{order.status}, {order.amount_paid} of its buyer's money is still here, insurers earned {order.kept}"
        yield Disagreement("ended_with_money", ids, detail)
    if order.is_settled and order.status in HOLDING:
        yield Disagreement("order_stuck", ids, f"{order.status}, its checkout is {order.saga_state}")


def offer_disagreements() -> Iterator[Disagreement]:
    """Cars offered to somebody in their queue that are sold, that nobody keeps, or whose offer should be over."""
    offers = orders.public.live_offers()
    held = {order_id: (attempt_id, status) for order_id, attempt_id, status in catalog.public.open_reservations()}
    sold = catalog.public.sold_vehicles({offer.product_id for offer in offers.values()})
    late = timezone.now() - LATE
    for order_id, offer in offers.items():
        ids = {"place_id": str(offer.place_id), "product_id": str(offer.product_id)}
        if offer.product_id in sold:
            yield Disagreement("sold_car_offered", ids, "it has its buyer, and is offered to somebody in its queue")
        elif offer.is_offered and held.get(order_id) != (offer.attempt_id, "held"):
            yield Disagreement("offer_without_stock", ids, "it is offered, and the catalogue keeps it for nobody")
        if offer.expires_at is not None and offer.expires_at < late:
            yield Disagreement("offer_overdue", ids, f"its time was over at {offer.expires_at.isoformat()}")


_BOOKED = {"forfeited": "forfeit", "doubled": "doubled"}
"""Entry of the ledger that each outcome of earnest money has."""


def earnest_disagreements() -> Iterator[Disagreement]:
    """Find earnest money that ended forfeited or doubled and was not booked so, or was booked and nobody decided it."""
    booked = payments.public.settled_deposits()
    for found in orders.public.judged_deposits():
        ids = {"order_id": str(found.order_id)}
        amounts = {kind: booked.pop((found.id, kind), Decimal(0)) for kind in _BOOKED.values()}
        kind = _BOOKED.get(found.state)
        if kind is not None and amounts[kind] != found.amount:
            yield Disagreement(
                "earnest_not_booked", ids, f"{found.state} {found.amount}, the ledger has {amounts[kind]}"
            )
        if found.state == "returned" and any(amounts.values()):
            yield Disagreement("earnest_booked", ids, f"it was returned, the ledger has {amounts}")
    for (request_id, kind), amount in booked.items():
        yield Disagreement("earnest_without_fault", {"deposit_id": str(request_id)}, f"{kind} {amount}")


_UNDONE = {"taken": False, "left": True, "kept": True}
"""States of a car taken in exchange, and whether the books have it undone; one that is leaving is under way."""


def exchange_disagreements() -> Iterator[Disagreement]:
    """Find cars taken in exchange whose value, stock or price is not what their order says, or of no order at all."""
    yield from orders.public.trade_in_disagreements()
    booked, here = payments.public.booked_trade_ins(), catalog.public.vehicles_taken_in()
    for car in orders.public.trade_ins():
        books, stock = booked.pop(car.order_id, None), here.pop(car.order_id, None)
        ids = {"order_id": str(car.order_id)}
        is_undone = _UNDONE.get(car.state)
        if books is None or (books.amount, books.paid_out) != (car.amount, car.paid_amount):
            detail = f"{car.amount} taken in and {car.paid_amount} paid out, the ledger has {books}"
            yield Disagreement("trade_in_not_booked", ids, detail)
        elif is_undone not in (None, books.is_undone):
            yield Disagreement("trade_in_not_booked", ids, f"it is {car.state}, the ledger has {books}")
        if is_undone is not None and stock != (car.amount, car.state == "left"):
            yield Disagreement("trade_in_without_car", ids, f"{car.amount}, {car.state}, the catalogue has {stock}")
        if car.state == "left" and car.paid_amount:
            yield Disagreement("trade_in_without_car", ids, f"it went back, and {car.paid_amount} was paid for it")
    for order_id in booked.keys() | here.keys():
        detail = f"the ledger has {booked.get(order_id)}, the catalogue {here.get(order_id)}"
        yield Disagreement("trade_in_without_order", {"order_id": str(order_id)}, detail)


def lending_disagreements() -> Iterator[Disagreement]:
    """Sold vehicles that may still be booked, that are booked, or that somebody is to drive."""
    lent = resources.public.vehicles_lent()
    driven = showroom.public.drives_ahead()
    sold = catalog.public.sold_vehicles({*(row[0] for row in lent), *(row[0] for row in driven)})
    for product_id, resource_id, allocation_id in lent:
        if product_id in sold:
            ids = {"product_id": str(product_id), "resource_id": str(resource_id)}
            ids |= {"allocation_id": str(allocation_id)} if allocation_id else {}
            yield Disagreement("sold_car_lent", ids, "it has its buyer, and may be booked or is")
    for product_id, drive_id in driven:
        if product_id in sold:
            ids = {"product_id": str(product_id), "test_drive_id": str(drive_id)}
            yield Disagreement("sold_car_driven", ids, "it has its buyer, and a test drive of it is to begin")


def handover_disagreements() -> Iterator[Disagreement]:
    """Hand-overs that are arranged and no place is kept for, and places kept for none."""
    kept, arranged = dict(resources.public.handovers_kept()), dict(orders.public.handover_bookings())
    for booking_id in sorted(kept.keys() ^ arranged.keys()):
        order_id = kept.get(booking_id) or arranged.get(booking_id)
        kind = "place_without_handover" if booking_id in kept else "handover_without_place"
        ids = {"booking_id": str(booking_id), "order_id": str(order_id)}
        yield Disagreement(kind, ids, "what orders arranged and what resources keep differ")


def log_disagreements() -> Iterator[Disagreement]:
    """Gaps in positions or sequences of any database's event log."""
    for alias in served():
        with connections[alias].cursor() as cursor:
            cursor.execute(_LOG)
            for kind, detail in cursor.fetchall():
                yield Disagreement(f"log_{kind}", {"database": alias}, detail)
