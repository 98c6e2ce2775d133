"""Every write to resources, their types and allocations."""

from resources.services.allocations import allocate, release, release_for_happening
from resources.services.bookings import book_test_drive, release_booking
from resources.services.breakdowns import (
    Replanned,
    close,
    foresee_breakdown,
    reopen,
    return_to_service,
    take_out_of_service,
)
from resources.services.handovers import book_handover
from resources.services.inventory import ResourceFields, add_resource, delete_resource, update_resource
from resources.services.sales import record_sales
from resources.services.types import TypeFields, add_type, delete_type, update_type

__all__ = [
    "Replanned",
    "ResourceFields",
    "TypeFields",
    "add_resource",
    "add_type",
    "allocate",
    "book_handover",
    "book_test_drive",
    "close",
    "delete_resource",
    "delete_type",
    "foresee_breakdown",
    "record_sales",
    "release",
    "release_booking",
    "release_for_happening",
    "reopen",
    "return_to_service",
    "take_out_of_service",
    "update_resource",
    "update_type",
]
