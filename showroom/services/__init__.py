"""Every write to happenings, their categories and registrations."""

from showroom.services.categories import CategoryFields, add_category, delete_category, update_category
from showroom.services.happenings import (
    HappeningFields,
    announce_happening,
    cancel_happening,
    delete_happening,
    update_happening,
)
from showroom.services.registrations import cancel_registration, register

__all__ = [
    "CategoryFields",
    "HappeningFields",
    "add_category",
    "announce_happening",
    "cancel_happening",
    "cancel_registration",
    "delete_category",
    "delete_happening",
    "register",
    "update_category",
    "update_happening",
]
