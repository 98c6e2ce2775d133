"""What stops a happening or a registration."""

from core.errors import DomainError, InvalidInput, NotFound


class HappeningNotFound(NotFound):
    """There is no such happening."""

    detail = "There is no such event."


class RegistrationNotFound(NotFound):
    """There is no such registration, or it is somebody else's."""

    detail = "There is no such registration."


class CategoryNotFound(NotFound):
    """There is no such category."""

    detail = "There is no such category."


class UnknownCategory(InvalidInput):
    """A happening names a category that does not exist."""

    def __init__(self) -> None:
        super().__init__("category_id", "unknown_category", "There is no such category.")


class EndsBeforeStart(InvalidInput):
    """A happening must last."""

    def __init__(self) -> None:
        super().__init__("end_date", "ends_before_start", "An event must end after it starts.")


class CategoryExists(DomainError):
    """Another category has this name."""

    code = "category_exists"
    detail = "There is already a category with this name."


class CategoryInUse(DomainError):
    """Happenings belong to the category."""

    code = "category_in_use"
    detail = "There are events in this category."


class HappeningIsCancelled(DomainError):
    """The happening will not take place."""

    code = "event_cancelled"
    detail = "This event is cancelled."


class HappeningIsOver(DomainError):
    """The happening has ended."""

    code = "event_over"
    detail = "This event is over."


class SeatsTaken(DomainError):
    """The capacity may not fall below the seats already given; `taken` says how many those are."""

    code = "seats_taken"
    detail = "More seats are taken than that."


class AlreadyRegistered(DomainError):
    """One person takes one seat; `registration_id` is the one they have."""

    code = "already_registered"
    detail = "You are already registered for this event."


class RegistrationIsCancelled(DomainError):
    """The registration was given up before."""

    code = "registration_cancelled"
    detail = "This registration is already cancelled."
