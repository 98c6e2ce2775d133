"""Facts that showroom publishes about happenings, test drives and who comes to them."""

from datetime import datetime
from uuid import UUID

from catalog.commands import LendForDrive, TakeBackFromDrive
from core.approvals import ApprovalNews
from core.events import Event, event, implies
from resources.commands import BookDrive, FreeBooking, FreeHappening


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
    """Somebody registered; `status` is confirmed, offered (until `offer_expires_at`) or waitlisted."""

    event_id: UUID
    registration_id: UUID
    user_id: UUID
    status: str
    title: str
    offer_expires_at: datetime | None = None


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


@event("event.registration.offered", aggregate="happening", key="event_id", internal=True)
class SeatOffered(Event):
    """A seat is kept for somebody until `expires_at`: they accept it, or pay for it, or it goes to the next."""

    event_id: UUID
    registration_id: UUID
    user_id: UUID
    title: str
    expires_at: datetime


@event("event.offer_expired", aggregate="happening", key="event_id", internal=True)
class OfferExpired(Event):
    """The deadline of an offered seat: a timer of showroom itself."""

    event_id: UUID
    registration_id: UUID


@event("event.reminder_due", aggregate="happening", key="event_id", internal=True)
class HappeningReminder(Event):
    """A happening or test drive begins soon; 500 people in each event."""

    event_id: UUID
    title: str
    start_date: datetime
    time_zone: str
    location: str
    user_ids: list[UUID]


@event("test_drive.requested", aggregate="test_drive", key="test_drive_id", internal=True)
class DrivePlaced(Event):
    """Somebody wants to drive a car over [start_time, end_time). Answer: booking.made or booking.refused."""

    test_drive_id: UUID
    user_id: UUID
    car_id: UUID
    car_name: str
    start_time: datetime
    end_time: datetime
    product_id: UUID | None = None


@event("test_drive.confirmed", aggregate="test_drive", key="test_drive_id", internal=True)
class DriveConfirmed(Event):
    """Car, place and colleague are booked; sent again when the car changes."""

    test_drive_id: UUID
    user_id: UUID
    car_name: str
    start_time: datetime
    time_zone: str
    is_moved: bool = False


@event("test_drive.started", aggregate="test_drive", key="test_drive_id", internal=True)
class DriveStarted(Event):
    """The car has left; it cannot be sold until it is back."""

    test_drive_id: UUID
    user_id: UUID
    car_id: UUID
    car_name: str
    product_id: UUID | None = None


@event("test_drive.ended", aggregate="test_drive", key="test_drive_id", internal=True)
class DriveEnded(Event):
    """Nothing is booked for it any more: `outcome` is returned, cancelled, refused, no_show, broken or sold."""

    test_drive_id: UUID
    user_id: UUID
    car_id: UUID
    car_name: str
    outcome: str
    reason: str = ""
    product_id: UUID | None = None


@event("test_drive.reminder_due", aggregate="test_drive", key="test_drive_id", internal=True)
class DriveReminder(Event):
    """A test drive begins soon."""

    test_drive_id: UUID
    user_id: UUID
    car_name: str
    start_time: datetime
    time_zone: str


@event("showroom.approval_changed", aggregate="approval", key="approval_id", internal=True)
class ShowroomApprovalChanged(ApprovalNews):
    """An action of this app began to wait for a second person, or its waiting ended."""


# What these facts mean to catalog ------------------------------------------------------------------------------------
@implies(DriveStarted, command=LendForDrive)
def lend_for_drive(fact: DriveStarted) -> LendForDrive | None:
    """Have a car that is for sale kept from being sold while it is away."""
    return LendForDrive(product_id=fact.product_id) if fact.product_id else None


@implies(DriveEnded, command=TakeBackFromDrive)
def take_back_from_drive(fact: DriveEnded) -> TakeBackFromDrive | None:
    """Have it sold again."""
    return TakeBackFromDrive(product_id=fact.product_id) if fact.product_id else None


# What these facts mean to resources ----------------------------------------------------------------------------------
@implies(DrivePlaced, command=BookDrive)
def book_drive(fact: DrivePlaced) -> BookDrive:
    """Have all that the test drive needs booked; the booking has its id."""
    return BookDrive(
        booking_id=fact.test_drive_id, car_id=fact.car_id, start_time=fact.start_time, end_time=fact.end_time
    )


@implies(DriveEnded, command=FreeBooking)
def free_booking(fact: DriveEnded) -> FreeBooking:
    """Have freed what the test drive had."""
    return FreeBooking(booking_id=fact.test_drive_id)


@implies(HappeningCancelled, command=FreeHappening)
def free_happening(fact: HappeningCancelled) -> FreeHappening:
    """Have freed what was booked for it."""
    return FreeHappening(event_id=fact.event_id)
