"""Two-factor authentication: enrolling an authenticator, codes, recovery codes."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pyotp
from django.conf import settings

from accounts.errors import (
    MfaAlreadyEnabled,
    MfaNotEnabled,
    MfaNotStarted,
    MfaObligatory,
    UserNotFound,
    WrongOtp,
)
from accounts.models import ActivityKind, RecoveryCode, Totp, User
from accounts.services import lockout
from accounts.services.activity import record
from accounts.services.codes import check_second_factor, recovery_message, spend_totp
from accounts.services.proofs import require_proof
from core.db import transaction
from core.secrecy import secret_keys
from core.secrecy.sealing import seal

ISSUER = "Autosalon"
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Enrollment:
    """Data an authenticator app needs: the secret as text, and as the address its QR code holds."""

    secret: str
    otpauth_uri: str


def enroll_mfa(*, user_id: UUID, now: datetime) -> Enrollment:
    """Give out a new secret; it counts from `confirm_mfa` on.

    Raises StepUpRequired, UserNotFound, MfaAlreadyEnabled.
    """
    require_proof(now=now)
    secret = pyotp.random_base32()
    with transaction("accounts"):
        user = _lock(user_id)
        if user.mfa_enabled_at is not None:
            raise MfaAlreadyEnabled
        Totp.objects.update_or_create(
            user=user,
            defaults={"secret": seal(secret.encode()), "last_step": 0, "created_at": now, "confirmed_at": None},
        )
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER)
    return Enrollment(secret, uri)


def confirm_mfa(*, user_id: UUID, otp: str, address: str, now: datetime) -> list[str]:
    """Switch two-factor on with a first code; return the recovery codes, which are shown this once.

    Raises StepUpRequired, MfaAlreadyEnabled, MfaNotStarted, WrongOtp, TooManyFailures.
    """
    require_proof(now=now)
    lockout.refuse_waiting(str(user_id), address)
    with transaction("accounts"):
        user = _lock(user_id)
        if user.mfa_enabled_at is not None:
            raise MfaAlreadyEnabled
        if not Totp.objects.filter(user=user).exists():
            raise MfaNotStarted
        codes = _enable(user, address, now) if spend_totp(user, otp, now) else []
    if not codes:
        lockout.count_failure(str(user_id), address)
        raise WrongOtp
    return codes


def disable_mfa(*, user_id: UUID, otp: str, address: str, now: datetime) -> None:
    """Switch two-factor off with a code. Raises MfaNotEnabled, MfaObligatory, WrongOtp, TooManyFailures."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise UserNotFound
    if user.mfa_enabled_at is None:
        raise MfaNotEnabled
    if settings.MFA_REQUIRED_FOR_STAFF and user.holds_staff_role:
        raise MfaObligatory
    lockout.refuse_waiting(str(user_id), address)
    check_second_factor(user=user, otp=otp, address=address, now=now)
    with transaction("accounts"):
        user = _lock(user_id)
        if user.mfa_enabled_at is None:
            raise MfaNotEnabled
        forget_factors(user)
        user.mfa_enabled_at = None
        user.save()
        record(ActivityKind.MFA_DISABLED, user_id, now=now, address=address)


def forget_factors(user: User) -> None:
    """Drop the authenticator and the recovery codes."""
    with transaction("accounts"):
        Totp.objects.filter(user=user).delete()
        RecoveryCode.objects.filter(user=user).delete()


def _lock(user_id: UUID) -> User:
    user = User.objects.select_for_update().filter(pk=user_id, is_active=True).first()
    if user is None:
        raise UserNotFound
    return user


def _enable(user: User, address: str, now: datetime) -> list[str]:
    codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, digest=secret_keys.sign(recovery_message(code)), created_at=now) for code in codes
    )
    Totp.objects.filter(user=user).update(confirmed_at=now)
    user.mfa_enabled_at = now
    user.save()
    record(ActivityKind.MFA_ENABLED, user.id, now=now, address=address)
    return codes


def _new_recovery_code() -> str:
    letters = [secrets.choice(_ALPHABET) for _ in range(10)]
    return f"{''.join(letters[:5])}-{''.join(letters[5:])}"
