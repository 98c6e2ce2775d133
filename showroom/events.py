"""Facts that showroom publishes about happenings, test drives and who comes to them."""

from datetime import datetime
from uuid import UUID

from core.events import Event, event


@event("event.created", aggregate="happening", key="event_id")
class HappeningCreated(Event):
    """A happening was announced."""

    event_id: UUID
    title: str
    kind: str
    start_date: datetime
    end_date: datetime
    capacity: int


@event("event.updated", aggregate="happening", key="event_id")
class HappeningUpdated(Event):
    """Time, place or size of a happening changed."""

    event_id: UUID
    title: str
    kind: str
    start_date: datetime
    end_date: datetime
    capacity: int


@event("event.cancelled", aggregate="happening", key="event_id")
class HappeningCancelled(Event):
    """A happening will not take place; everyone registered is told.

    A crowd is told in several events, 500 people each: `part` of `parts`.
    """

    event_id: UUID
    title: str
    reason: str
    user_ids: list[UUID]
    part: int = 1
    parts: int = 1


@event("event.registration.created", aggregate="happening", key="event_id")
class RegistrationCreated(Event):
    """Somebody registered; `status` is confirmed, offered or waitlisted."""

    event_id: UUID
    registration_id: UUID
    user_id: UUID
    status: str
    title: str


@event("event.registration.cancelled", aggregate="happening", key="event_id")
class RegistrationCancelled(Event):
    """A registration was given up."""

    event_id: UUID
    registration_id: UUID
    user_id: UUID
    title: str


@event("event.registration.promoted", aggregate="happening", key="event_id", internal=True)
class RegistrationPromoted(Event):
    """Somebody who waited got a seat."""

    event_id: UUID
    registration_id: UUID
    user_id: UUID
    title: str
