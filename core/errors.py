"""Errors that stop a business action; the gateway renders them as problem+json in one place."""

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class TurnedBack(Exception):
    """Leaves a block of work that did not fail: it begins again, or somebody else does it. Traces call it no error."""


class DomainError(Exception):
    """A refusal the caller can act on: a stable `code`, an HTTP `status`, a sentence, and extra members.

    `retry_after` (seconds) becomes the Retry-After header; `extra` holds problem members such as `allowed`. A class's
    `detail` may be a lazy translation; an instance's is text in the language of the moment it was raised.
    """

    code = "conflict"
    status = 409
    detail: Any = _("The request conflicts with the current state.")

    def __init__(self, detail: "StrOrPromise" = "", *, retry_after: int | None = None, **extra: Any) -> None:
        self.detail = str(detail or self.detail)
        self.retry_after = retry_after
        self.extra = extra
        super().__init__(self.detail)


class WrongTransition(DomainError):
    """The object's state does not lead where it was asked to go; `allowed` lists where it does."""

    code = "wrong_transition"
    detail = _("This is not possible in the present state.")

    def __init__(self, status: str, allowed: list[str]) -> None:
        super().__init__(current=status, allowed=allowed)


class NotFound(DomainError):
    """The object does not exist, or exists and belongs to somebody else."""

    code = "not_found"
    status = 404
    detail: Any = _("Not found.")


class Forbidden(DomainError):
    """The caller's role does not allow this action."""

    code = "permission_denied"
    status = 403
    detail = _("Your role does not allow this.")


class FourEyes(Forbidden):
    """Somebody else has to do this: one's own objects, and one's own requests, are for another person."""

    code = "four_eyes"
    detail = _("Somebody else has to do this: nobody decides about their own requests, or about what is theirs.")


class CardNumberRefused(DomainError):
    """Something that looks like a card number was sent; we take tokens only."""

    code = "card_number_refused"
    status = 400
    detail = _("Card numbers are not accepted: send the token that the payment provider gave for the card.")


class AccountClosing(DomainError):
    """Nothing new begins for somebody whose account is being closed, or was erased."""

    code = "account_closing"
    detail = _("This account is being closed: nothing new can be begun for it now.")


class InvalidInput(DomainError):
    """Input that is well formed but wrong; `errors` is a list of {field, code, detail}."""

    code = "validation_error"
    status = 400

    def __init__(self, field: str, code: str, detail: "StrOrPromise") -> None:
        super().__init__(detail)
        self.errors = [{"field": field, "code": code, "detail": self.detail}]


class UnfitListQuery(InvalidInput):
    """A query string holds something else than filters, search and order of the list that it is for."""

    def __init__(self, detail: "StrOrPromise" = "") -> None:
        told = detail or _("These are not filters, a search or an order of this list.")
        super().__init__("query", "unfit_query", told)


class StaleVersion(DomainError):
    """The object changed since the caller read it (If-Match)."""

    code = "stale_version"
    status = 412
    detail = _("The object has changed since you read it.")


class Unavailable(DomainError):
    """A dependency is down; the same request may succeed later."""

    code = "unavailable"
    status = 503
    detail = _("The service is temporarily unavailable.")
