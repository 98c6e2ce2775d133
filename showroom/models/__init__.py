"""Happenings, test drives, and who comes to them."""

from showroom.models.happenings import (
    MAX_OFFER_HOURS,
    SEATED,
    EventCategory,
    Happening,
    HappeningKind,
    HappeningStatus,
    PaymentState,
    Registration,
    RegistrationStatus,
)
from showroom.models.test_drives import FULL_TANK, LIVE, MAX_ODOMETER, Drive, DriveCar, DriveStatus

__all__ = [
    "FULL_TANK",
    "LIVE",
    "MAX_ODOMETER",
    "MAX_OFFER_HOURS",
    "SEATED",
    "Drive",
    "DriveCar",
    "DriveStatus",
    "EventCategory",
    "Happening",
    "HappeningKind",
    "HappeningStatus",
    "PaymentState",
    "Registration",
    "RegistrationStatus",
]
