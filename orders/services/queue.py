"""The queue behind a car that somebody holds: joining, leaving, and the offer to who comes next.

All that happens to the queue of a car happens under its lock; queues are locked in the order of their cars' ids,
before anything else of the order but the order itself. The car is kept for an offer by the catalogue, as for an order.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Max, Q
from django.utils.translation import gettext as _

from catalog.commands import ExtendHold, HoldStock, ReleaseStock, WantedLine
from catalog.events import StockLevel, StockRejected, StockReleased, StockReserved, StockReturned, StockSold
from core.db import fetch, lock, transaction
from core.errors import FourEyes, InvalidInput, NotFound
from gateway import approvals
from messaging.delivery.timers import set_timer
from messaging.outbox import publish, send
from messaging.people.departures import refuse_leavers
from orders import events
from orders.errors import AlreadyQueued, CarHasQueue, CarIsFree, OneOfferAnOrder, QueueFull, TransitionNotYours
from orders.models import PlaceState, ProductCopy, QueuePlace
from orders.models.queue import KEPT, LIVE, is_held
from orders.services.history import Actor
from orders.services.holds import GRACE, NOTICE, SHORT
from orders.services.lines import FreeLine, ProductLine, missing
from orders.services.quota import refuse_queueing

HANDLER = "orders.end_offers"
ASK_AGAIN = timedelta(minutes=10)
"""A car that could not be kept (it is on a test drive, say) is asked for again after so long."""
REPLACED = "replaced"
"""The catalogue's word for a hold that a later one of the same order took over."""
_QUEUED = "SELECT product_id FROM orders_queueplace WHERE product_id = ANY(%s) AND state = ANY(%s)"
StockNews = StockReserved | StockRejected | StockReleased | StockReturned | StockSold


def lock_queues(product_ids: Iterable[UUID]) -> None:
    """Let one transaction at a time work on the queues of these cars."""
    lock("orders", *(f"orders.queue {product_id}" for product_id in product_ids))


# What people do -------------------------------------------------------------------------------------------------------
def join_queue(*, product_id: UUID, customer_id: UUID, now: datetime) -> QueuePlace:
    """Wait for a car that somebody else holds. Publishes queue.joined.

    Raises UnknownProduct, ProductNotReady, CarIsFree, AlreadyQueued, QueueFull, TooManyPlaces, OffersIgnored,
    AccountClosing.
    """
    with transaction("orders"):
        refuse_leavers("orders", customer_id)
        lock_queues([product_id])
        car = ProductCopy.objects.filter(pk=product_id, is_active=True).first()
        if car is None:
            raise missing("product_id", product_id)
        queue = list(QueuePlace.objects.live().filter(product_id=product_id))
        own = next((place for place in queue if place.customer_id == customer_id), None)
        if own is not None:
            raise AlreadyQueued(place_id=str(own.id))
        if not is_held(car, queue, besides=customer_id):
            raise CarIsFree
        if len(queue) >= settings.QUEUE_LENGTH:
            raise QueueFull(limit=settings.QUEUE_LENGTH)
        refuse_queueing(customer_id, now)
        place = QueuePlace.objects.create(product_id=product_id, name=car.name, customer_id=customer_id, joined_at=now)
        publish(events.QueueJoined(**_told(place)))
    return place


def leave_queue(*, place_id: UUID, customer_id: UUID, now: datetime) -> QueuePlace:
    """Give up one's own place, or the offer it came to; the next is asked. Raises NotFound, WrongPlaceState."""
    with transaction("orders"):
        place = _lock(place_id)
        if place.customer_id != customer_id:
            raise NotFound
        was_offered = place.state == PlaceState.OFFERED
        _end(place, PlaceState.DECLINED if was_offered else PlaceState.LEFT, now, by=customer_id)
    return place


def skip_place(*, place_id: UUID, reason: str, actor: Actor, now: datetime) -> QueuePlace:
    """Take somebody out of a queue, with a reason they are told; the next is asked.

    Nobody skips others in a queue they stand in themselves. Raises NotFound, TransitionNotYours, InvalidInput,
    FourEyes, WrongPlaceState.
    """
    if not actor.is_staff:
        raise TransitionNotYours
    if not reason.strip():
        raise InvalidInput("reason", "required", _("Say why."))
    with transaction("orders"):
        place = _lock(place_id)
        waiting = {one.customer_id for one in QueuePlace.objects.live().filter(product_id=place.product_id)}
        for customer_id in waiting | {place.customer_id}:
            if approvals.is_own("orders", person_id=actor.id, beneficiary_id=customer_id):
                raise FourEyes
        _end(place, PlaceState.SKIPPED, now, reason=reason.strip(), by=actor.id)
    return place


def close_places(*, customer_id: UUID, now: datetime) -> int:
    """End every place of somebody whose account is closed; return how many there were."""
    with transaction("orders"):
        places = QueuePlace.objects.live().filter(customer_id=customer_id)
        lock_queues(places.values_list("product_id", flat=True))
        ended = list(places.order_by("product_id"))
        for place in ended:
            _end(place, PlaceState.CLOSED, now)
    return len(ended)


def _lock(place_id: UUID) -> QueuePlace:
    """Lock the queue that a place stands in. Raises NotFound."""
    product_id = QueuePlace.objects.filter(pk=place_id).values_list("product_id", flat=True).first()
    if product_id is None:
        raise NotFound
    lock_queues([product_id])
    return QueuePlace.objects.get(pk=place_id)


# Ordering what is offered ---------------------------------------------------------------------------------------------
def find_offer(customer_id: UUID, lines: Sequence[ProductLine | FreeLine]) -> QueuePlace | None:
    """Find the offer that an order of these lines would take, and lock its queue; None when there is none.

    What waits for others in a queue is refused: a car that came free is theirs first. Raises CarHasQueue,
    OneOfferAnOrder.
    """
    wanted: dict[UUID, int] = {}
    for line in lines:
        if isinstance(line, ProductLine):
            wanted[line.product_id] = wanted.get(line.product_id, 0) + line.quantity
    queued = {product_id for (product_id,) in fetch("orders", _QUEUED, [list(wanted), [state.value for state in LIVE]])}
    if not queued:
        return None
    lock_queues(queued)
    places = list(QueuePlace.objects.live().filter(product_id__in=queued))
    own = [place for place in places if place.customer_id == customer_id and place.state == PlaceState.OFFERED]
    if len(own) > 1:
        raise OneOfferAnOrder(product_ids=sorted(str(place.product_id) for place in own))
    free_for_all = queued - {place.product_id for place in own}
    refuse_queued({product_id: wanted[product_id] for product_id in free_for_all}, places)
    return own[0] if own else None


def refuse_queued(
    wanted: dict[UUID, int], places: Sequence[QueuePlace] | None = None, *, is_held: bool = False
) -> None:
    """Let nobody pass those who wait for a car; what `is_held` may come free at any moment. Raises CarHasQueue."""
    if places is None:
        places = list(QueuePlace.objects.live().filter(product_id__in=wanted))
    waiting: dict[UUID, int] = {}
    for place in places:
        waiting[place.product_id] = waiting.get(place.product_id, 0) + (place.state != PlaceState.OFFERED)
    copies = ProductCopy.objects.in_bulk([product_id for product_id in wanted if waiting.get(product_id)])
    enough = {pk: is_held or wanted[pk] <= car.available for pk, car in copies.items()}
    passed = [pk for pk, car in copies.items() if enough[pk] and car.available < wanted[pk] + waiting[pk]]
    if passed:
        raise CarHasQueue(product_ids=sorted(str(product_id) for product_id in passed))


def take_offer(place: QueuePlace, now: datetime) -> UUID:
    """Turn an offer into an order, whose id it returns; its stock leg replaces `attempt_id` of the place.

    Publishes queue.left. Raises WrongPlaceState, OfferOver.
    """
    order_id = place.take(now=now)
    place.save()
    publish(events.QueueLeft(**_told(place), outcome=place.state, order_id=order_id))
    return order_id


def require_offer(*, place_id: UUID, customer_id: UUID, now: datetime) -> QueuePlace:
    """Find one's own offer that may be taken now. Raises NotFound, WrongPlaceState, OfferOver."""
    place = QueuePlace.objects.filter(pk=place_id, customer_id=customer_id).first()
    if place is None:
        raise NotFound
    QueuePlace.objects.get(pk=place_id).take(now=now)
    return place


# What is heard of the car ---------------------------------------------------------------------------------------------
def follow_stock(*, news: Sequence[StockNews], now: datetime) -> None:
    """Let queues hear what became of their cars. Heard twice, it changes nothing."""
    with transaction("orders"):
        newest = _newest(news)
        offers = {event.order_id for event in news}
        queued = QueuePlace.objects.live().filter(Q(product_id__in=newest) | Q(offer_id__in=offers))
        concerned = set(queued.values_list("product_id", flat=True))
        if not concerned:
            return
        lock_queues(concerned)
        for event in news:
            levels = [] if isinstance(event, StockRejected) else event.levels
            known = [one for one in levels if one.product_id in concerned and one.version >= newest[one.product_id]]
            _follow(event, known, now)


def _newest(news: Sequence[StockNews]) -> dict[UUID, int]:
    """The newest version of each car's stock that was heard of, so that older news moves nothing."""
    found: dict[UUID, int] = {}
    for event in news:
        for level in [] if isinstance(event, StockRejected) else event.levels:
            found[level.product_id] = max(level.version, found.get(level.product_id, 0))
    return found


def _follow(event: StockNews, levels: Sequence[StockLevel], now: datetime) -> None:
    """Apply one piece of news; `levels` are those of queued cars that are not outdated."""
    kept = QueuePlace.objects.filter(offer_id=event.order_id, attempt_id=event.attempt_id, state__in=KEPT).first()
    if kept is not None:
        _answer(kept, event, now)
    for level in levels:
        if isinstance(event, StockReleased | StockReturned) and level.available > 0:
            ask_next(level.product_id, now)
        elif isinstance(event, StockSold) and level.on_hand <= 0:
            _end_queue(level.product_id, PlaceState.SOLD, now)


def _answer(place: QueuePlace, event: StockNews, now: datetime) -> None:
    """Take the catalogue's answer about the car that was asked for, or is kept, for a place."""
    is_lost = isinstance(event, StockReleased) and event.reason != REPLACED
    if is_lost or (isinstance(event, StockRejected) and place.state == PlaceState.ASKED):
        place.wait_again(now=now)
        place.save()
    elif isinstance(event, StockReserved) and place.state == PlaceState.ASKED:
        _offer(place, now)


def follow_products(*, gone: Iterable[UUID], free: Iterable[UUID], now: datetime) -> None:
    """End the queues of cars that left the catalogue, and offer those that were counted in or came back on sale."""
    gone, free = set(gone), set(free)
    with transaction("orders"):
        queued = QueuePlace.objects.live().filter(product_id__in=gone | free)
        concerned = set(queued.values_list("product_id", flat=True))
        lock_queues(concerned)
        for product_id in sorted(concerned):
            if product_id in gone:
                _end_queue(product_id, PlaceState.GONE, now)
            else:
                ask_next(product_id, now)


def look_at_offer(*, place_id: UUID, offer_id: UUID, now: datetime) -> None:
    """Look at an offer whose timer rang: announce its end, or give the car to the next."""
    with transaction("orders"):
        place = _lock(place_id)
        if place.state != PlaceState.OFFERED or place.offer_id != offer_id or place.offer_expires_at is None:
            return
        if now >= place.offer_expires_at:
            _end(place, PlaceState.LAPSED, now)
            return
        if place.told_at is None:
            place.told_at = now
            place.save(update_fields=["told_at"])
            publish(events.CarOfferEnding(**_told(place), expires_at=place.offer_expires_at))
        _watch(place, place.offer_expires_at)


def ask_for_freed_cars(*, now: datetime) -> int:
    """Ask for cars that are free by what orders knows, and that nobody was asked about lately; return how many."""
    kept = QueuePlace.objects.filter(state__in=KEPT).values("product_id")
    still = QueuePlace.objects.live().exclude(product_id__in=kept).values("product_id")
    still = still.annotate(last=Max("asked_at")).exclude(last__gt=now - ASK_AGAIN)
    cars = ProductCopy.objects.filter(pk__in=still.values("product_id"), is_active=True, available__gt=0)
    found = sorted(cars.values_list("pk", flat=True))
    for product_id in found:
        with transaction("orders"):
            lock_queues([product_id])
            ask_next(product_id, now)
    return len(found)


def ask_next(product_id: UUID, now: datetime) -> None:
    """Ask the catalogue to keep a freed car for the first in its locked queue; one at a time."""
    places = QueuePlace.objects.live().filter(product_id=product_id).order_by("joined_at", "id")
    first = places.first()
    if first is None or places.filter(state__in=KEPT).exists():
        return
    first.ask(now=now)
    first.save()
    if first.offer_id is None or first.attempt_id is None:
        return
    send(
        HoldStock(
            order_id=first.offer_id,
            attempt_id=first.attempt_id,
            lines=[WantedLine(product_id=product_id, quantity=1)],
            expires_at=now + _term() + GRACE,
        )
    )


def _offer(place: QueuePlace, now: datetime) -> None:
    """The car is kept: its time runs from now, however long the catalogue took to say so."""
    until = now + _term()
    place.offer(until, now=now)
    place.save()
    if place.offer_id is not None and place.attempt_id is not None:
        send(ExtendHold(order_id=place.offer_id, attempt_id=place.attempt_id, expires_at=until + GRACE))
    publish(events.CarOffered(**_told(place), expires_at=until))
    left = until - now
    _watch(place, until if left <= SHORT else until - min(NOTICE, left / 4))


def _watch(place: QueuePlace, due_at: datetime) -> None:
    if place.offer_id is not None:
        due = events.OfferDue(place_id=place.id, product_id=place.product_id, offer_id=place.offer_id)
        set_timer(handler=HANDLER, event=due, due_at=due_at)


def _end_queue(product_id: UUID, state: str, now: datetime) -> None:
    """Tell everybody who waits for a car that there is nothing to wait for."""
    for place in QueuePlace.objects.live().filter(product_id=product_id).order_by("joined_at", "id"):
        _end(place, state, now)


def _end(place: QueuePlace, state: str, now: datetime, *, reason: str = "", by: UUID | None = None) -> None:
    """End a place; a car that was kept for it is given back, and the next is asked once the catalogue says so."""
    was_kept = place.state in KEPT
    place.end(state, now=now, reason=reason, by=by)
    place.save()
    publish(events.QueueLeft(**_told(place), outcome=state, reason=reason))
    if was_kept and place.offer_id is not None and place.attempt_id is not None:
        send(ReleaseStock(order_id=place.offer_id, attempt_id=place.attempt_id, reason=f"offer_{state}"))


def _term() -> timedelta:
    return timedelta(hours=settings.QUEUE_OFFER_HOURS)


def _told(place: QueuePlace) -> dict[str, Any]:
    return {
        "place_id": place.id, "product_id": place.product_id, "customer_id": place.customer_id, "name": place.name,
    }  # fmt: skip
