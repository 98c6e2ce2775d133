"""Every write to happenings, their categories, registrations and test drives."""

from showroom.services.categories import CategoryFields, add_category, delete_category, update_category
from showroom.services.drives import (
    Contact,
    HandOver,
    Return,
    break_off_drive,
    cancel_drive,
    confirm_drive,
    hand_over,
    move_drive,
    record_no_show,
    refuse_drive,
    request_drive,
    store_car,
    take_back,
)
from showroom.services.happenings import (
    HappeningFields,
    announce_happening,
    cancel_happening,
    delete_happening,
    update_happening,
)
from showroom.services.leaving import give_up_everything
from showroom.services.registrations import (
    accept_offer,
    cancel_registration,
    check_in,
    expire_offer,
    give_up_agreed,
    register,
)
from showroom.services.reminders import send_reminders
from showroom.services.tickets import pay_seat, record_refund, settle_seat

__all__ = [
    "CategoryFields",
    "Contact",
    "HandOver",
    "HappeningFields",
    "Return",
    "accept_offer",
    "add_category",
    "announce_happening",
    "break_off_drive",
    "cancel_drive",
    "cancel_happening",
    "cancel_registration",
    "check_in",
    "confirm_drive",
    "delete_category",
    "delete_happening",
    "expire_offer",
    "give_up_agreed",
    "give_up_everything",
    "hand_over",
    "move_drive",
    "pay_seat",
    "record_no_show",
    "record_refund",
    "refuse_drive",
    "register",
    "request_drive",
    "send_reminders",
    "settle_seat",
    "store_car",
    "take_back",
    "update_category",
    "update_happening",
]
