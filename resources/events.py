"""Facts that resources publishes about cars, rooms and bays and when they are taken."""

from datetime import datetime
from uuid import UUID

from core.events import Event, event


@event("resource.created", aggregate="resource", key="resource_id")
class ResourceCreated(Event):
    """A resource can be booked."""

    resource_id: UUID
    name: str
    quantity: int


@event("resource.updated", aggregate="resource", key="resource_id")
class ResourceUpdated(Event):
    """A resource changed."""

    resource_id: UUID
    name: str
    quantity: int


@event("resource.allocated", aggregate="resource", key="resource_id")
class ResourceAllocated(Event):
    """A quantity is taken over the half-open interval [start_time, end_time)."""

    resource_id: UUID
    allocation_id: UUID
    start_time: datetime
    end_time: datetime
    quantity: int
    event_id: UUID | None = None


@event("resource.released", aggregate="resource", key="resource_id")
class ResourceReleased(Event):
    """An allocation was given back."""

    resource_id: UUID
    allocation_id: UUID
