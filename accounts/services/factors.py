"""Two-factor authentication: enrolling an authenticator, codes, recovery codes."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pyotp
from django.conf import settings
from django.core import signing

from accounts import lockout
from accounts.errors import (
    MfaAlreadyEnabled,
    MfaNotEnabled,
    MfaNotStarted,
    MfaObligatory,
    MfaRequired,
    UserNotFound,
    WrongOtp,
)
from accounts.models import ActivityKind, RecoveryCode, Totp, User
from accounts.services.activity import record
from core import secret_keys
from core.db import transaction
from core.sealing import seal, unseal

ISSUER = "Autosalon"
STEP_S = 30
RECOVERY_CODES = 10
PENDING_S = 300
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Enrollment:
    """What an authenticator app needs: the secret as text, and as the address its QR code holds."""

    secret: str
    otpauth_uri: str


def enroll_mfa(*, user_id: UUID, now: datetime) -> Enrollment:
    """Give out a new secret; it counts from `confirm_mfa` on. Raises UserNotFound, MfaAlreadyEnabled."""
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

    Raises MfaAlreadyEnabled, MfaNotStarted, WrongOtp, TooManyFailures.
    """
    lockout.refuse_waiting(str(user_id), address)
    with transaction("accounts"):
        user = _lock(user_id)
        if user.mfa_enabled_at is not None:
            raise MfaAlreadyEnabled
        if not Totp.objects.filter(user=user).exists():
            raise MfaNotStarted
        codes = _enable(user, address, now) if _spend_totp(user, otp, now) else []
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


def check_second_factor(*, user: User, otp: str, address: str, now: datetime) -> None:
    """Spend a code of the authenticator, or a recovery code; nothing to do for people without a second factor.

    Raises MfaRequired when no code was sent, and WrongOtp, which counts as a failed sign-in.
    """
    if user.mfa_enabled_at is None:
        return
    if not otp:
        raise MfaRequired(mfa_token=signing.dumps(str(user.id), salt="accounts.mfa", compress=False))
    with transaction("accounts"):
        is_right = _spend_totp(user, otp, now) or _spend_recovery_code(user, otp, address, now)
        if not is_right:
            record(ActivityKind.SIGN_IN_FAILED, user.id, now=now, address=address, reason="otp")
    if not is_right:
        lockout.count_failure(str(user.id), address)
        raise WrongOtp


def read_pending(mfa_token: str) -> UUID | None:
    """Who passed the first factor within the last five minutes."""
    try:
        return UUID(signing.loads(mfa_token, salt="accounts.mfa", max_age=PENDING_S))
    except (signing.BadSignature, ValueError, TypeError):
        return None


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
        RecoveryCode(user=user, digest=secret_keys.sign(_recovery_message(code)), created_at=now) for code in codes
    )
    Totp.objects.filter(user=user).update(confirmed_at=now)
    user.mfa_enabled_at = now
    user.save()
    record(ActivityKind.MFA_ENABLED, user.id, now=now, address=address)
    return codes


def _spend_totp(user: User, otp: str, now: datetime) -> bool:
    """Accept a code of this half minute or its neighbours, later than any accepted before: one update decides."""
    totp = Totp.objects.filter(user=user).first()
    digits = otp.replace(" ", "")
    if totp is None or not (digits.isascii() and digits.isdigit()):
        return False
    generator, present = pyotp.TOTP(unseal(bytes(totp.secret)).decode()), int(now.timestamp()) // STEP_S
    for step in (present, present - 1, present + 1):
        if hmac.compare_digest(generator.generate_otp(step), digits):
            return Totp.objects.filter(user=user, last_step__lt=step).update(last_step=step) == 1
    return False


def _spend_recovery_code(user: User, code: str, address: str, now: datetime) -> bool:
    digests = secret_keys.signatures(_recovery_message(code))
    unused = RecoveryCode.objects.filter(user=user, digest__in=digests, used_at__isnull=True)
    if not unused.update(used_at=now):
        return False
    left = RecoveryCode.objects.filter(user=user, used_at__isnull=True).count()
    record(ActivityKind.RECOVERY_CODE_USED, user.id, now=now, address=address, left=left)
    return True


def _new_recovery_code() -> str:
    letters = [secrets.choice(_ALPHABET) for _ in range(10)]
    return f"{''.join(letters[:5])}-{''.join(letters[5:])}"


def _recovery_message(code: str) -> str:
    return "accounts.recovery\n" + "".join(letter for letter in code.lower() if letter.isalnum())
