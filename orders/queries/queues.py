"""Read queues: one's own places, what a car's page says, and what the books hold against the stock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from orders.models import OPEN, OrderLine, PlaceState, ProductCopy, QueuePlace
from orders.models.queue import is_held


@dataclass(frozen=True)
class Place:
    """A place in a queue as its owner sees it; `ahead` counts who comes before."""

    id: UUID
    product_id: UUID
    name: str
    state: str
    ahead: int
    joined_at: datetime
    offer_expires_at: datetime | None


@dataclass(frozen=True)
class QueueView:
    """The queue of a car for somebody who looks at it: how many wait, their own place, and whether they may join."""

    waiting: int
    own: Place | None
    may_join: bool


@dataclass(frozen=True)
class Waiter:
    """Somebody who waits for a car, as managers see them; `offer_expires_at` while the car is offered to them."""

    id: UUID
    customer_id: UUID
    state: str
    joined_at: datetime
    offer_expires_at: datetime | None
    version: int


@dataclass(frozen=True)
class HeldCar:
    """A car with a queue behind it, as managers see it: the open orders that hold it, and who waits, in their order."""

    product_id: UUID
    name: str
    holders: tuple[tuple[UUID, str], ...]
    waiters: tuple[Waiter, ...]


@dataclass(frozen=True)
class Offer:
    """A car that is kept for an offer: under which attempt, and until when it is offered."""

    place_id: UUID
    product_id: UUID
    attempt_id: UUID | None
    is_offered: bool
    expires_at: datetime | None


def get_places(customer_id: UUID) -> list[Place]:
    """The live places of a person, the oldest first."""
    found = QueuePlace.objects.live().filter(customer_id=customer_id).with_ahead().order_by("joined_at", "id")
    return [_shown(place, place.ahead) for place in found]  # type: ignore[attr-defined]


def queue_at(product_id: UUID, viewer_id: UUID | None) -> QueueView:
    """Return what a car's page says of its queue; nobody else's name is in it."""
    queue = list(QueuePlace.objects.live().filter(product_id=product_id).order_by("joined_at", "id"))
    at = next((index for index, place in enumerate(queue) if place.customer_id == viewer_id), None)
    car = ProductCopy.objects.filter(pk=product_id, is_active=True).first()
    is_open = car is not None and is_held(car, queue, besides=viewer_id or UUID(int=0))
    own = _shown(queue[at], at) if at is not None else None
    return QueueView(waiting=len(queue), own=own, may_join=is_open and own is None)


def held_cars(*, limit: int) -> list[HeldCar]:
    """Cars with people waiting for them, those with a running offer first, then who waits longest; two statements."""
    queues: dict[UUID, list[QueuePlace]] = {}
    for place in QueuePlace.objects.live().order_by("joined_at", "id"):
        queues.setdefault(place.product_id, []).append(place)
    offered = {pk for pk, queue in queues.items() if any(one.state == PlaceState.OFFERED for one in queue)}
    shown = sorted(queues, key=lambda pk: (pk not in offered, queues[pk][0].joined_at))[:limit]
    lines = OrderLine.objects.filter(product_id__in=shown, order__status__in=OPEN, order__deleted_at__isnull=True)
    holders: dict[UUID, set[tuple[UUID, str]]] = {}
    for product_id, order_id, number in lines.values_list("product_id", "order_id", "order__number"):
        if product_id is not None:
            holders.setdefault(product_id, set()).add((order_id, number))
    return [
        HeldCar(pk, queues[pk][0].name, tuple(sorted(holders.get(pk, ()))), tuple(map(_waiter, queues[pk])))
        for pk in shown
    ]


def _waiter(place: QueuePlace) -> Waiter:
    is_offered = place.state == PlaceState.OFFERED
    until = place.offer_expires_at if is_offered else None
    return Waiter(place.id, place.customer_id, place.state, place.joined_at, until, place.version)


def _shown(place: QueuePlace, ahead: int) -> Place:
    return Place(
        id=place.id,
        product_id=place.product_id,
        name=place.name,
        state=place.state,
        ahead=ahead,
        joined_at=place.joined_at,
        offer_expires_at=place.offer_expires_at,
    )


def live_offers() -> dict[UUID, Offer]:
    """Every car that is kept for an offer or about to be, by the order that the offer may become."""
    kept = QueuePlace.objects.filter(state__in=[PlaceState.ASKED, PlaceState.OFFERED], offer_id__isnull=False)
    return dict(_offers(kept))


def _offers(places: QuerySet[QueuePlace]) -> Iterator[tuple[UUID, Offer]]:
    for place in places:
        if place.offer_id is not None:
            is_offered = place.state == PlaceState.OFFERED
            yield (
                place.offer_id,
                Offer(place.id, place.product_id, place.attempt_id, is_offered, place.offer_expires_at),
            )
