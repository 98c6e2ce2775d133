"""Name what stops a happening or a registration."""

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, InvalidInput, NotFound


class HappeningNotFound(NotFound):
    """There is no such happening."""

    detail = _("There is no such event.")


class RegistrationNotFound(NotFound):
    """There is no such registration, or it is somebody else's."""

    detail = _("There is no such registration.")


class CategoryNotFound(NotFound):
    """There is no such category."""

    detail = _("There is no such category.")


class UnknownCategory(InvalidInput):
    """A happening names a category that does not exist."""

    def __init__(self) -> None:
        super().__init__("category_id", "unknown_category", gettext("There is no such category."))


class EndsBeforeStart(InvalidInput):
    """A happening must last."""

    def __init__(self) -> None:
        super().__init__("end_date", "ends_before_start", gettext("An event must end after it starts."))


class CategoryExists(DomainError):
    """Another category has this name."""

    code = "category_exists"
    detail = _("There is already a category with this name.")


class CategoryInUse(DomainError):
    """Happenings belong to the category."""

    code = "category_in_use"
    detail = _("There are events in this category.")


class HappeningIsCancelled(DomainError):
    """The happening will not take place."""

    code = "event_cancelled"
    detail = _("This event is cancelled.")


class HappeningIsOver(DomainError):
    """The happening has ended."""

    code = "event_over"
    detail = _("This event is over.")


class SeatsTaken(DomainError):
    """The capacity may not fall below the seats already given; `taken` says how many those are."""

    code = "seats_taken"
    detail = _("More seats are taken than that.")


class AlreadyRegistered(DomainError):
    """One person takes one seat; `registration_id` is the one they have."""

    code = "already_registered"
    detail = _("You are already registered for this event.")


class RegistrationIsCancelled(DomainError):
    """The registration was given up before."""

    code = "registration_cancelled"
    detail = _("This registration is already cancelled.")


class NoTimeToPay(InvalidInput):
    """A seat with a price must be kept while it is paid."""

    def __init__(self) -> None:
        super().__init__("offer_hours", "no_time_to_pay", gettext("Keep a seat with a price for an hour at least."))


class NotOffered(DomainError):
    """There is no offered seat to accept or to pay."""

    code = "not_offered"
    detail = _("There is no seat kept for you to accept.")


class OfferHasExpired(DomainError):
    """The seat is no longer kept."""

    code = "offer_expired"
    detail = _("The seat was kept until its deadline and is gone.")


class PaymentRequired(DomainError):
    """The seat has a price: it is accepted by paying."""

    code = "payment_required"
    detail = _("This seat is confirmed by paying for it.")


class NothingToPay(DomainError):
    """The seat is free of charge."""

    code = "nothing_to_pay"
    detail = _("There is nothing to pay for this seat.")


class PaymentUnderWay(DomainError):
    """One payment at a time."""

    code = "payment_in_progress"
    detail = _("A payment for this seat is under way.")


class UnknownCode(DomainError):
    """Nobody with a confirmed seat has this code."""

    status = 404
    code = "unknown_code"
    detail = _("No registration of this event has this code.")


class AlreadyCheckedIn(DomainError):
    """The code was shown before; `checked_in_at` says when."""

    code = "already_checked_in"
    detail = _("This guest has already come in.")


class DriveNotFound(NotFound):
    """There is no such test drive, or it is somebody else's."""

    detail = _("There is no such test drive.")


class UnknownCar(InvalidInput):
    """There is no such car to test."""

    def __init__(self) -> None:
        super().__init__("car_id", "unknown_car", gettext("There is no such car for test drives."))


class BadDriveTime(InvalidInput):
    """A test drive lies ahead and is short."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(field, "bad_time", detail)


class CarUnavailable(DomainError):
    """The car is not lent at present."""

    code = "car_unavailable"
    detail = _("This car cannot be booked at present.")


class AnotherDriveThen(DomainError):
    """One person drives one car at a time."""

    code = "another_test_drive"
    detail = _("You have another test drive at that time.")


class TooManyDrives(DomainError):
    """A person may have so many test drives ahead."""

    code = "too_many_test_drives"
    detail = _("You have as many test drives ahead as one person may book.")


class DriveHasBegun(DomainError):
    """It is too late to cancel."""

    code = "test_drive_begun"
    detail = _("The test drive has already begun.")


class LicenceExpired(InvalidInput):
    """The licence must be valid on the day."""

    def __init__(self) -> None:
        super().__init__("licence_valid_until", "licence_expired", gettext("The driving licence is no longer valid."))


class WaiverNotSigned(InvalidInput):
    """Nobody leaves without the waiver."""

    def __init__(self) -> None:
        super().__init__("waiver_signed", "waiver_required", gettext("The waiver must be signed first."))


class UnreadableSignature(InvalidInput):
    """A signature is the picture that was drawn on the page, in the format that browsers write."""

    def __init__(self) -> None:
        super().__init__("signature", "bad_signature", gettext("The signature did not arrive whole. Draw it again."))


class OdometerRunsBackwards(InvalidInput):
    """The odometer cannot show less than when the car left."""

    def __init__(self) -> None:
        super().__init__("odometer", "odometer_backwards", gettext("The odometer shows less than when the car left."))


class NotYetStarted(DomainError):
    """Nobody can have failed to come before the start."""

    code = "not_started"
    detail = _("The test drive has not begun yet.")
