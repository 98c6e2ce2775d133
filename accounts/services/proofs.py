"""Proofs of who somebody is: a young sign-in, a password or a code, wanted before what makes an account another's."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import check_password

from accounts.errors import UserNotFound, WrongCredentials, WrongPassword
from accounts.models import ActivityKind, RefreshToken, Session, User
from accounts.queries.tokens import as_id
from accounts.services import lockout
from accounts.services.activity import record
from accounts.services.codes import check_second_factor
from core.db import transaction
from core.errors import InvalidInput
from gateway.access import step_up
from gateway.access.step_up import StepUpRequired
from gateway.principal import Principal

MAX_PROOF = 256


def require_proof(*, now: datetime) -> None:
    """Let a request go on only if its caller proved who they are a moment ago, or does so by its body.

    Raises StepUpRequired; of a wrong proof WrongPassword, WrongOtp, TooManyFailures. Asks nothing outside a request.
    """
    asked = step_up.current()
    if asked is None or asked.is_proved:
        return
    principal = asked.caller()
    if principal is not None and _is_young(principal, now):
        asked.is_proved = True
        return
    user = User.objects.filter(pk=principal.id, is_active=True).first() if principal else None
    if user is None or not _check(user, asked.password, asked.otp, asked.address, now):
        asked.is_refused = True
        raise StepUpRequired(methods=_ways(user))
    asked.is_proved = True


def prove(*, principal: Principal, password: str, otp: str, address: str, now: datetime) -> datetime:
    """Renew the proof of a session by its owner's password or a code; return until when it is good.

    Raises UserNotFound, WrongPassword, WrongOtp, TooManyFailures; InvalidInput when neither was sent, and
    WrongCredentials of what is no session.
    """
    user = User.objects.filter(pk=principal.id, is_active=True).first()
    if user is None:
        raise UserNotFound
    if not _check(user, password, otp, address, now):
        raise InvalidInput("password", "required", str(StepUpRequired.detail))
    with transaction("accounts"):
        session = _find_session(principal, now, is_locked=True)
        if session is None:
            raise WrongCredentials
        session.proved_at = now
        session.save(update_fields=["proved_at"])
        record(ActivityKind.PROVED, user.id, now=now, address=address, session_id=str(session.id))
    return now + _span()


def prove_password(user: User, password: str, address: str, *, field: str) -> None:
    """Check a password that a request carries. Guessing counts as failing to sign in. Raises WrongPassword."""
    lockout.refuse_waiting(str(user.id), address)
    if not check_password(password, user.password):  # no rehash here: a new hash would sign this page out
        lockout.count_failure(str(user.id), address)
        raise WrongPassword(field)
    lockout.forget_failures(str(user.id), address)
    step_up.record_proof()


def _check(user: User, password: str, otp: str, address: str, now: datetime) -> bool:
    """Tell whether a proof was sent, and was right; a code proves nothing for people without a second factor."""
    if otp and len(otp) <= MAX_PROOF and user.mfa_enabled_at is not None:
        lockout.refuse_waiting(str(user.id), address)
        check_second_factor(user=user, otp=otp, address=address, now=now)
        lockout.forget_failures(str(user.id), address)
        return True
    if not password or len(password) > MAX_PROOF:
        return False
    prove_password(user, password, address, field="password")
    return True


def _is_young(principal: Principal, now: datetime) -> bool:
    since = now - _span()
    if principal.proved_at > since.timestamp():
        return True
    session = _find_session(principal, now)
    return session is not None and session.proved_at is not None and session.proved_at > since


def _find_session(principal: Principal, now: datetime, *, is_locked: bool = False) -> Session | None:
    """The session that a token was given out by, or the page's own."""
    jti = as_id(principal.jti)
    found = RefreshToken.objects.filter(pk=jti).values_list("session_id", flat=True).first() or jti
    live = Session.objects.live(principal.id, now)
    return (live.select_for_update() if is_locked else live).filter(pk=found).first()


def _ways(user: User | None) -> list[str]:
    """List the ways in which this person can prove who they are; anybody can by signing in again."""
    ways = ["password"] if user is not None and user.has_usable_password() else []
    ways += ["otp"] if user is not None and user.mfa_enabled_at is not None else []
    return [*ways, "sign_in"]


def _span() -> timedelta:
    return timedelta(minutes=settings.STEP_UP_MINUTES)
