"""Facts that resources publishes about cars, rooms and bays and when they are taken."""

from datetime import datetime
from uuid import UUID

from core.events import Event, event


@event("resource.created", aggregate="resource", key="resource_id")
class ResourceCreated(Event):
    """A resource can be booked, unless the vehicle it is is sold. `test_drive_role` is car, place, staff or empty."""

    resource_id: UUID
    name: str
    quantity: int
    test_drive_role: str = ""
    product_id: UUID | None = None
    time_zone: str = ""
    is_sold: bool = False


@event("resource.updated", aggregate="resource", key="resource_id")
class ResourceUpdated(Event):
    """A resource changed, broke down (`is_in_service` false), was sold or was taken off the books (`is_deleted`)."""

    resource_id: UUID
    name: str
    quantity: int
    test_drive_role: str = ""
    product_id: UUID | None = None
    time_zone: str = ""
    is_in_service: bool = True
    is_deleted: bool = False
    is_sold: bool = False


@event("resource.allocated", aggregate="resource", key="resource_id")
class ResourceAllocated(Event):
    """A quantity is taken over the half-open interval [start_time, end_time)."""

    resource_id: UUID
    allocation_id: UUID
    start_time: datetime
    end_time: datetime
    quantity: int
    event_id: UUID | None = None
    booking_id: UUID | None = None


@event("resource.released", aggregate="resource", key="resource_id")
class ResourceReleased(Event):
    """An allocation was given back."""

    resource_id: UUID
    allocation_id: UUID


@event("booking.made", aggregate="booking", key="booking_id", internal=True)
class BookingMade(Event):
    """Everything a test drive needs is taken: its car, and a place and a colleague where there are any."""

    booking_id: UUID
    resource_ids: list[UUID]


@event("booking.refused", aggregate="booking", key="booking_id", internal=True)
class BookingRefused(Event):
    """Nothing was taken: `code` says what was not free."""

    booking_id: UUID
    code: str


@event("booking.moved", aggregate="booking", key="booking_id", internal=True)
class BookingMoved(Event):
    """Part of a booking cannot be had, and an equal one took its place. `cause` is broken or sold."""

    booking_id: UUID
    from_resource_id: UUID
    to_resource_id: UUID
    reason: str
    cause: str = "broken"


@event("booking.broken", aggregate="booking", key="booking_id", internal=True)
class BookingBroken(Event):
    """Part of a booking cannot be had and nothing equal was free: all was given back. `cause` is broken or sold."""

    booking_id: UUID
    resource_id: UUID
    reason: str
    cause: str = "broken"


@event("handover_place.booked", aggregate="handover_booking", key="booking_id", internal=True)
class HandoverPlaceBooked(Event):
    """A place is taken for a hand-over; `location` is its name, `time_zone` that of its clock."""

    booking_id: UUID
    order_id: UUID
    resource_id: UUID
    location: str
    time_zone: str


@event("handover_place.refused", aggregate="handover_booking", key="booking_id", internal=True)
class HandoverPlaceRefused(Event):
    """No place was free, and nothing was taken: `code` says why not."""

    booking_id: UUID
    order_id: UUID
    code: str


@event("handover_place.moved", aggregate="handover_booking", key="booking_id", internal=True)
class HandoverPlaceMoved(Event):
    """The place of a hand-over cannot be had, and an equal one took it at the same time."""

    booking_id: UUID
    order_id: UUID
    resource_id: UUID
    location: str
    time_zone: str


@event("handover_place.lost", aggregate="handover_booking", key="booking_id", internal=True)
class HandoverPlaceLost(Event):
    """The place of a hand-over cannot be had, and nothing equal was free: it was given back."""

    booking_id: UUID
    order_id: UUID
    reason: str
