"""The queues behind held cars as the managers' board shows them: who waits, since when, and whose offer runs."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.public import Person, get_people
from orders.public import HeldCar, Waiter, held_cars
from storefront.shown import wording
from storefront.shown.people import name_person
from storefront.shown.wording import Text

SHOWN = 40
"""Queues of a board; the rest is in the administration."""


@dataclass(frozen=True)
class WaiterLine:
    """Somebody in a queue; `is_own` when it is the manager who looks."""

    id: UUID
    name: str
    state: Text
    since: datetime
    until: datetime | None
    is_own: bool


@dataclass(frozen=True)
class QueueCard:
    """A held car's queue; nobody skips others in a queue that they stand in themselves."""

    product_id: UUID
    name: str
    holders: tuple[tuple[UUID, str], ...]
    lines: list[WaiterLine]
    stamp: str

    @property
    def may_skip(self) -> bool:
        """Tell whether the manager who looks may take somebody out of it."""
        return not any(line.is_own for line in self.lines)


def read_queues(viewer_id: UUID) -> list[QueueCard]:
    """The queues for a manager who looks at the board."""
    cars = held_cars(limit=SHOWN)
    people = get_people({one.customer_id for car in cars for one in car.waiters}) if cars else {}
    return [_card(car, people, viewer_id) for car in cars]


def _card(car: HeldCar, people: dict[UUID, Person], viewer_id: UUID) -> QueueCard:
    lines = [_line(one, people.get(one.customer_id), viewer_id) for one in car.waiters]
    stamp = ".".join([*(number for _id, number in car.holders), *(f"{one.id}{one.version}" for one in car.waiters)])
    return QueueCard(car.product_id, car.name, car.holders, lines, stamp)


def _line(one: Waiter, person: Person | None, viewer_id: UUID) -> WaiterLine:
    name = name_person(person)
    is_own = one.customer_id == viewer_id
    return WaiterLine(
        one.id, name, wording.PLACES.get(one.state, one.state), one.joined_at, one.offer_expires_at, is_own
    )
