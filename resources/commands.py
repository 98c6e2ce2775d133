"""Declare what resources does when it is asked: book what a test drive needs, and free what is not needed any more."""

from datetime import datetime
from uuid import UUID

from core.events import Command


class BookDrive(Command, frozen=True, kw_only=True):
    """Take the car, a place and a colleague over [start_time, end_time), all or none.

    Answers: booking.made, booking.refused.
    """

    booking_id: UUID
    car_id: UUID
    start_time: datetime
    end_time: datetime


class FreeBooking(Command, frozen=True, kw_only=True):
    """Free all that a booking took."""

    booking_id: UUID


class BookHandover(Command, frozen=True, kw_only=True):
    """Take one place of hand-overs over [start_time, end_time), in exchange for the booking `replaces` where given.

    Answers: handover_place.booked, handover_place.refused (what it replaces stays as it is then).
    """

    booking_id: UUID
    order_id: UUID
    start_time: datetime
    end_time: datetime
    replaces: UUID | None = None


class FreeHandover(Command, frozen=True, kw_only=True):
    """Free the place that was taken for a hand-over."""

    booking_id: UUID
    order_id: UUID


class FreeHappening(Command, frozen=True, kw_only=True):
    """Free what was booked for a happening."""

    event_id: UUID
