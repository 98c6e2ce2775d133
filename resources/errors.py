"""Name what stops a booking of a resource."""

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, InvalidInput, NotFound


class ResourceNotFound(NotFound):
    """There is no such resource."""

    detail = _("There is no such resource.")


class TypeNotFound(NotFound):
    """There is no such type of resources."""

    detail = _("There is no such resource type.")


class AllocationNotFound(NotFound):
    """There is no such allocation."""

    detail = _("There is no such allocation.")


class UnknownType(InvalidInput):
    """A resource names a type that does not exist."""

    def __init__(self) -> None:
        super().__init__("type_id", "unknown_type", gettext("There is no such resource type."))


class EndsBeforeStart(InvalidInput):
    """A booking must last."""

    def __init__(self) -> None:
        super().__init__("end_time", "ends_before_start", gettext("A booking must end after it starts."))


class TypeExists(DomainError):
    """Another type has this name."""

    code = "resource_type_exists"
    detail = _("There is already a resource type with this name.")


class TypeInUse(DomainError):
    """Resources are of this type."""

    code = "resource_type_in_use"
    detail = _("There are resources of this type.")


class ResourceInUse(DomainError):
    """Bookings lie ahead; `clashes` lists them."""

    code = "resource_in_use"
    detail = _("There are bookings of this resource ahead.")


class AllocationClash(DomainError):
    """More than there is would be taken at some instant; `clashes` lists the allocations that stand in the way."""

    code = "allocation_clash"
    detail = _("The resource is not free then.")

    def __init__(self, clashes: list[dict[str, Any]], *, available: int) -> None:
        super().__init__(clashes=clashes, available=available)


class QuantityBelowAllocated(DomainError):
    """More is booked ahead than the new quantity; `clashes` lists the bookings."""

    code = "quantity_below_allocated"
    detail = _("More is already booked ahead.")


class AlreadyReleased(DomainError):
    """The allocation was given back before."""

    code = "already_released"
    detail = _("This allocation is already released.")


class OutsideOpeningHours(DomainError):
    """The resource is closed for some of the time asked for."""

    code = "outside_opening_hours"
    detail = _("The resource is not open then.")


class BlackoutClash(DomainError):
    """The resource is closed for a reason then; `blackouts` lists the closures in the way."""

    code = "blackout"
    detail = _("The resource is closed then.")


class OutOfService(DomainError):
    """The resource takes no bookings until it is repaired."""

    code = "out_of_service"
    detail = _("The resource is out of service.")


class VehicleSold(DomainError):
    """The vehicle that the resource is has its buyer."""

    code = "vehicle_sold"
    detail = _("This vehicle is sold: it is lent no more.")


class AlreadyInService(DomainError):
    """Nothing is wrong with the resource."""

    code = "already_in_service"
    detail = _("The resource is in service.")


class NoCrew(DomainError):
    """No place, or no colleague, is free for a test drive then."""

    code = "no_crew"
    detail = _("Nobody is free to accompany the test drive then.")


class NotATestDriveCar(InvalidInput):
    """The resource is not a car one can test."""

    def __init__(self) -> None:
        super().__init__("resource_id", "not_a_test_drive_car", gettext("This is not a car for test drives."))


class PartOfBooking(DomainError):
    """The allocation belongs to a booking, which ends as a whole."""

    code = "part_of_booking"
    detail = _("This belongs to a test drive: cancel the test drive instead.")


class BlackoutNotFound(NotFound):
    """There is no such closure."""

    detail = _("There is no such closure.")


class HoursOverlap(InvalidInput):
    """Two stretches of one weekday overlap."""

    def __init__(self) -> None:
        super().__init__("opening_hours", "overlap", gettext("Opening hours of one day must not overlap."))


class RoleInUse(DomainError):
    """The part a type plays in test drives is fixed once resources are of it."""

    code = "resource_type_in_use"
    detail = _("There are resources of this type: add another type instead.")


class NoHandoverPlace(DomainError):
    """No place of hand-overs is free for all of the time asked for."""

    code = "no_handover_place"
    detail = _("There is no place free for the hand-over then.")
