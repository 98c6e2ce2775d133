"""What stops a booking of a resource."""

from typing import Any

from core.errors import DomainError, InvalidInput, NotFound


class ResourceNotFound(NotFound):
    """There is no such resource."""

    detail = "There is no such resource."


class TypeNotFound(NotFound):
    """There is no such type of resources."""

    detail = "There is no such resource type."


class AllocationNotFound(NotFound):
    """There is no such allocation."""

    detail = "There is no such allocation."


class UnknownType(InvalidInput):
    """A resource names a type that does not exist."""

    def __init__(self) -> None:
        super().__init__("type_id", "unknown_type", "There is no such resource type.")


class EndsBeforeStart(InvalidInput):
    """A booking must last."""

    def __init__(self) -> None:
        super().__init__("end_time", "ends_before_start", "A booking must end after it starts.")


class TypeExists(DomainError):
    """Another type has this name."""

    code = "resource_type_exists"
    detail = "There is already a resource type with this name."


class TypeInUse(DomainError):
    """Resources are of this type."""

    code = "resource_type_in_use"
    detail = "There are resources of this type."


class ResourceInUse(DomainError):
    """Bookings lie ahead; `clashes` lists them."""

    code = "resource_in_use"
    detail = "There are bookings of this resource ahead."


class AllocationClash(DomainError):
    """More than there is would be taken at some instant; `clashes` lists the allocations that stand in the way."""

    code = "allocation_clash"
    detail = "The resource is not free then."

    def __init__(self, clashes: list[dict[str, Any]], *, available: int) -> None:
        super().__init__(clashes=clashes, available=available)


class QuantityBelowAllocated(DomainError):
    """More is booked ahead than the new quantity; `clashes` lists the bookings."""

    code = "quantity_below_allocated"
    detail = "More is already booked ahead."


class AlreadyReleased(DomainError):
    """The allocation was given back before."""

    code = "already_released"
    detail = "This allocation is already released."
