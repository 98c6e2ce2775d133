"""Refusals of accounts."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, InvalidInput, NotFound, Unavailable, UnfitListQuery
from messaging.people.personal import Obligation


class UserNotFound(NotFound):
    """No such person."""


class SessionNotFound(NotFound):
    """No such session, or it is somebody else's."""


class EmailTaken(DomainError):
    """Another account has this e-mail address, whatever its case."""

    code = "email_taken"
    detail = _("An account with this e-mail already exists.")


class UsernameTaken(DomainError):
    """Another account has this user name, whatever its case."""

    code = "username_taken"
    detail = _("This user name is taken.")


class RoleNotAllowed(DomainError):
    """Only administrators give roles."""

    code = "role_not_allowed"
    status = 403
    detail = _("You may only register as a client.")


class WrongCredentials(DomainError):
    """The e-mail or user name is unknown, the password is wrong, or the account is closed: nobody is told which."""

    code = "wrong_credentials"
    status = 401
    detail = _("The e-mail or the password is wrong.")


class TooManyFailures(DomainError):
    """Too many wrong passwords in a row; `retry_after` seconds remain."""

    code = "too_many_failures"
    status = 429
    detail = _("Too many failed sign-ins. Please try again later.")

    def __init__(self, *, seconds: int) -> None:
        super().__init__(retry_after=seconds)
        self.extra = {"retry_after": seconds}


class InvalidRefreshToken(DomainError):
    """The refresh token is unknown, expired, revoked or already used."""

    code = "invalid_refresh_token"
    status = 401
    detail = _("The refresh token is not valid. Please sign in again.")


class WeakPassword(InvalidInput):
    """The password breaks one or more of Django's validators; `errors` has one entry for each."""

    code = "validation_error"

    def __init__(self, field: str, error: ValidationError) -> None:
        super().__init__(field, "invalid", " ".join(error.messages))
        self.errors = [
            {"field": field, "code": item.code or "invalid", "detail": " ".join(item.messages)}
            for item in error.error_list
        ]


class WrongPassword(InvalidInput):
    """The present password was not given correctly."""

    code = "validation_error"

    def __init__(self, field: str = "old_password") -> None:
        super().__init__(field, "wrong_password", str(_("The present password is wrong.")))


class OddEmail(InvalidInput):
    """The address holds characters that look like others, or like nothing: no two people's may look alike."""

    code = "validation_error"

    def __init__(self) -> None:
        super().__init__("email", "invalid", str(_("Please write the e-mail address with ordinary characters.")))


class InvalidResetToken(InvalidInput):
    """The reset link is forged, used, or too old."""

    code = "validation_error"

    def __init__(self) -> None:
        super().__init__(
            "token", "invalid_reset_token", str(_("This link is no longer valid. Please ask for another."))
        )


class LastAdmin(DomainError):
    """Somebody must be left who can manage users."""

    code = "last_admin"
    detail = _("The last active administrator cannot be removed.")


class UserErased(DomainError):
    """The account's personal data was erased: nothing about it may change any more."""

    code = "user_erased"
    detail = _("This account was erased.")


_TIES = {
    "order": _("order"),
    "loan": _("loan"),
    "application": _("loan application"),
    "policy": _("policy"),
    "claim": _("claim"),
    "refund": _("refund"),
    "payout": _("payout"),
    "test_drive": _("test drive"),
}


class OpenObligations(DomainError):
    """Somebody whom unfinished business ties to us is not erased before it ends; `obligations` lists it."""

    code = "open_obligations"

    def __init__(self, found: Sequence[Obligation]) -> None:
        named = (f"{_TIES[one.kind]} {one.number}".strip() for one in found)
        super().__init__(
            gettext("The account can be erased once this has ended: %(list)s.") % {"list": ", ".join(named)},
            obligations=[{"kind": one.kind, "id": str(one.id), "number": one.number} for one in found],
        )


class DemoRefused(RuntimeError):
    """Demo accounts have a published password and are never made outside debug."""


class MfaRequired(DomainError):
    """The first factor was right, now the second: the same request with `otp`, or `mfa_token` and `otp` alone."""

    code = "mfa_required"
    status = 401
    detail = _("Please send the code of your authenticator too.")


class WrongOtp(DomainError):
    """The code is wrong, too old, or was used before."""

    code = "wrong_otp"
    status = 401
    detail = _("The code is wrong or was used before.")


class MfaAlreadyEnabled(DomainError):
    """Two-factor is on: switch it off first to enrol another authenticator."""

    code = "mfa_already_enabled"
    detail = _("Two-factor authentication is already on.")


class MfaNotStarted(DomainError):
    """There is nothing to confirm: enrol first."""

    code = "mfa_not_started"
    detail = _("Start by enrolling an authenticator.")


class MfaNotEnabled(DomainError):
    """There is nothing to switch off."""

    code = "mfa_not_enabled"
    detail = _("Two-factor authentication is off.")


class MfaObligatory(DomainError):
    """Staff must keep their second factor where the settings insist on one."""

    code = "mfa_obligatory"
    detail = _("Your role needs two-factor authentication: it cannot be switched off.")


class ApiKeyNotFound(NotFound):
    """No such key, or it is somebody else's."""


class TooManyApiKeys(DomainError):
    """One person has only so many keys that work."""

    code = "too_many_api_keys"
    detail = _("You have too many API keys: revoke one first.")


class InvalidLink(InvalidInput):
    """The mailed link is forged, used, or too old."""

    code = "validation_error"

    def __init__(self) -> None:
        super().__init__("token", "invalid_token", str(_("This link is no longer valid. Please ask for another.")))


class IdentityRefused(DomainError):
    """The identity provider did not vouch for this sign-in, or what it said does not hold."""

    code = "identity_refused"
    status = 401
    detail = _("Signing in this way did not work. Please try again.")


class SignInNotStarted(InvalidInput):
    """The browser came back from the identity provider without having been sent there, or after too long."""

    code = "validation_error"

    def __init__(self) -> None:
        super().__init__("state", "invalid_state", str(_("This sign-in has expired. Please start again.")))


class IdentityNotLinked(DomainError):
    """An account has this e-mail, but not both sides have verified it: linking them could give it to a stranger."""

    code = "identity_not_linked"
    detail = _("An account with this e-mail exists. Sign in with its password and confirm the e-mail first.")


class IdentityWithoutEmail(DomainError):
    """The identity provider told no e-mail address."""

    code = "identity_without_email"
    status = 400
    detail = _("The provider did not tell us your e-mail address.")


class IdentityProviderUnavailable(Unavailable):
    """The identity provider does not answer."""

    detail = _("The identity provider does not answer. Please try again later.")


class ExportNotFound(NotFound):
    """No such export, or its week is over."""


class ExportNotReady(DomainError):
    """Not every app has answered yet."""

    code = "export_not_ready"
    detail = _("The export is still being prepared.")


class SavedViewNotFound(NotFound):
    """No such saved view, or it is somebody else's."""


class UnfitViewName(InvalidInput):
    """A view is called by one to sixty visible characters."""

    code = "validation_error"

    def __init__(self) -> None:
        super().__init__("name", "invalid", str(_("Please give the view a name of at most 60 characters.")))


class ViewNameTaken(InvalidInput):
    """The person has another view of this list by this name, whatever its case."""

    code = "validation_error"

    def __init__(self) -> None:
        super().__init__("name", "taken", str(_("You have a view of this name for this list already.")))


class ViewSeeksPerson(UnfitListQuery):
    """The view would keep somebody's phone, mailbox or card, which nobody would find there to forget it."""

    def __init__(self) -> None:
        super().__init__(_("A view keeps no search by somebody's phone or e-mail."))


class TooManyViews(DomainError):
    """One person has only so many views of one list."""

    code = "too_many_views"
    detail = _("You have too many views of this list: delete one first.")


class SharingNotAllowed(DomainError):
    """Only managers and administrators show their views to others."""

    code = "sharing_not_allowed"
    status = 403
    detail = _("Only managers may share their views.")


class MfaResetRefused(DomainError):
    """Nobody takes off their own second factor without its code."""

    code = "mfa_reset_refused"
    detail = _("Another administrator has to do this for you.")
