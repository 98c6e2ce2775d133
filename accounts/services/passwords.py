"""Changing a password, by knowing the old one or by owning the mailbox."""

from datetime import datetime
from uuid import UUID, uuid4

from django.contrib.auth.tokens import default_token_generator
from django.utils.translation import get_language

from accounts.errors import InvalidResetToken, RoleNotAllowed, UserNotFound
from accounts.events import UserUpdated
from accounts.models import ActivityKind, Identity, User
from accounts.queries.tokens import as_id
from accounts.services import lockout
from accounts.services.activity import record
from accounts.services.api_keys import revoke_all_api_keys
from accounts.services.factors import forget_factors
from accounts.services.people import check_password_strength, erase_user
from accounts.services.proofs import prove_password
from accounts.services.sessions import end_sessions
from accounts.services.verification import get_account_facts
from core.db import transaction
from gateway.principal import Principal
from messaging.delivery.calls import request_call
from messaging.outbox import publish


def change_password(*, principal: Principal, old_password: str, new_password: str, address: str, now: datetime) -> None:
    """Set a new password; every other session, every API key and every unverified identity ends.

    Guessing the old one counts as failing to sign in. Raises WrongPassword, TooManyFailures, WeakPassword.
    """
    user = User.objects.filter(pk=principal.id, is_active=True).first()
    if user is None:
        raise UserNotFound
    prove_password(user, old_password, address, field="old_password")
    check_password_strength(new_password, user, field="new_password")
    with transaction("accounts"):
        _set_password(user.id, new_password)
        record(ActivityKind.PASSWORD_CHANGED, user.id, now=now, address=address)
        _shut_out(user.id, because="password_changed", now=now, keep_jti=principal.jti)


def erase_own_account(*, user_id: UUID, password: str, address: str, now: datetime) -> None:
    """Erase one's own account for ever, by knowing its password. Raises UserNotFound, WrongPassword, TooManyFailures.

    Staff are erased by an administrator: RoleNotAllowed. Whether something is still owed is for the caller to ask.
    """
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise UserNotFound
    if user.holds_staff_role:
        raise RoleNotAllowed
    prove_password(user, password, address, field="old_password")
    erase_user(user_id=user_id, now=now)


def request_password_reset(*, email: str, now: datetime) -> None:
    """Mail a one-time link to whoever has this address; at most one a minute.

    Somebody unknown costs the same work and gets no mail, so that nobody can tell.
    """
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    user_id = user.id if user else uuid4()
    with transaction("accounts"):
        request_call(
            key=f"password-reset:{user_id}:{now:%Y%m%d%H%M}",
            operation="accounts.mail_password_reset",
            provider="mail",
            request={"user_id": str(user_id), "language": get_language()},
        )


def reset_password(*, token: str, new_password: str, address: str, now: datetime) -> User:
    """Set a new password with a mailed token; every session, API key and unverified identity ends.

    The token proves the mailbox. A client's authenticator that was enrolled before anybody had proved it may be that of
    a stranger who registered with this address first, and is taken off; staff have an administrator for that.
    Raises InvalidResetToken, WeakPassword.
    """
    hex_id, _, rest = token.partition("-")
    with transaction("accounts"):
        user = User.objects.select_for_update().filter(pk=as_id(hex_id), is_active=True).first()
        if user is None or not default_token_generator.check_token(user, rest):
            raise InvalidResetToken
        check_password_strength(new_password, user, field="new_password")
        user.set_password(new_password)
        is_first_proof = user.verify_email(user.email, now=now)
        if is_first_proof and not user.holds_staff_role:
            forget_factors(user)
            user.mfa_enabled_at = None
        user.save()
        record(ActivityKind.PASSWORD_RESET, user.id, now=now, address=address)
        if is_first_proof:
            record(ActivityKind.EMAIL_VERIFIED, user.id, now=now)
            publish(UserUpdated(**get_account_facts(user)))
        _shut_out(user.id, because="password_reset", now=now)
    lockout.forget_failures(str(user.id), address)
    return user


def _shut_out(user_id: UUID, *, because: str, now: datetime, keep_jti: str = "") -> None:
    """End whatever whoever knew the old password may have left behind as a way in."""
    revoke_all_api_keys(user_id=user_id, now=now)
    Identity.objects.filter(user_id=user_id, is_verified=False).delete()
    end_sessions(user_id=user_id, because=because, now=now, keep_jti=keep_jti)


def _set_password(user_id: UUID, password: str) -> None:
    user = User.objects.select_for_update().get(pk=user_id)
    user.set_password(password)
    user.save(update_fields=["password"])
