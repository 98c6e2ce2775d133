"""Limit how many cars one buyer may keep from others unpaid, and queue for: a hold is a scarce right."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from core.db import fetch, lock
from orders.errors import OffersIgnored, TooManyHolds, TooManyPlaces
from orders.models import OrderLine, PlaceState, QueuePlace, Status
from orders.services.history import Actor

_COUNT = """
WITH own AS MATERIALIZED (
    SELECT id, status FROM orders_order
    WHERE customer_id = %(customer)s AND (status = %(done)s OR (
        status = ANY(%(open)s) AND amount_paid = 0 AND deleted_at IS NULL AND id <> %(besides)s))
)
SELECT (SELECT coalesce(sum(w.quantity), 0)
        FROM unnest(%(products)s::uuid[], %(quantities)s::int[]) AS w (product_id, quantity)
        JOIN orders_productcopy c ON c.product_id = w.product_id AND c.kind = 'vehicle'),
       (SELECT coalesce(sum(held.quantity), 0)
        FROM own CROSS JOIN LATERAL (
            SELECT l.product_id, l.quantity FROM orders_orderline l WHERE l.order_id = own.id OFFSET 0
        ) AS held CROSS JOIN LATERAL (
            SELECT FROM orders_productcopy c WHERE c.product_id = held.product_id AND c.kind = 'vehicle' OFFSET 0
        ) AS car
        WHERE own.status <> %(done)s),
       (SELECT count(*) FROM (SELECT FROM own WHERE status = %(done)s LIMIT %(limit)s) AS earlier)
"""
"""Cars wished for, cars held in other orders that nothing is paid for, and purchases that came to their end.

From the buyer's own orders alone, whatever the planner believes of tables it has not looked at yet: it read every line
of every order where few stood when it looked last.
"""
NOBODY = UUID(int=0)
LATELY = timedelta(days=30)
"""How long an offer that nobody answered counts against its person."""


def refuse_hoarding(customer_id: UUID, actor: Actor, lines: Iterable[OrderLine], *, besides: UUID = NOBODY) -> None:
    """Let a buyer hold only so many cars at once without a deposit; each earlier purchase allows one more, to twice.

    Two orders of one buyer wait for each other here. Managers may keep cars for others, never for themselves beyond
    this. `besides` is the order whose lines these are to be. Raises TooManyHolds.
    """
    if actor.is_staff and actor.id != customer_id:
        return
    wished = [(line.product_id, line.quantity) for line in lines if line.product_id is not None]
    if not wished:
        return
    limit = settings.HOLDS_WITHOUT_DEPOSIT
    lock("orders", f"orders.holds {customer_id}")
    counted = {
        "products": [product_id for product_id, _ in wished],
        "quantities": [quantity for _, quantity in wished],
        "customer": customer_id,
        "open": [Status.CREATED.value, Status.AWAITING_PAYMENT.value],
        "done": Status.COMPLETED.value,
        "besides": besides,
        "limit": limit,
    }
    ((asked, held, earlier),) = fetch("orders", _COUNT, counted)
    if asked and asked + held > limit + earlier:
        raise TooManyHolds(limit=limit + earlier, held=held)


def refuse_queueing(customer_id: UUID, now: datetime) -> None:
    """Let a person wait for so many cars at once, and not at all after leaving offers without an answer.

    Two places of one person wait for each other here. Raises TooManyPlaces, OffersIgnored.
    """
    lock("orders", f"orders.holds {customer_id}")
    places = QueuePlace.objects.filter(customer_id=customer_id)
    if places.live().count() >= settings.QUEUE_PLACES:
        raise TooManyPlaces(limit=settings.QUEUE_PLACES)
    ignored = places.filter(state=PlaceState.LAPSED, ended_at__gt=now - LATELY).order_by("-ended_at")
    counted = [place.ended_at for place in ignored[: settings.QUEUE_SILENCES + 1] if place.ended_at is not None]
    if len(counted) > settings.QUEUE_SILENCES:
        raise OffersIgnored(until=(counted[-1] + LATELY).isoformat())
