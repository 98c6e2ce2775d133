"""Codes of an authenticator, and recovery codes: each is good once."""

import hmac
from datetime import datetime
from uuid import UUID

import pyotp
from django.core import signing

from accounts.errors import MfaRequired, WrongOtp
from accounts.models import ActivityKind, RecoveryCode, Totp, User
from accounts.services import lockout
from accounts.services.activity import record
from core.db import transaction
from core.secrecy import secret_keys
from core.secrecy.sealing import unseal

STEP_S = 30
PENDING_S = 300


def check_second_factor(*, user: User, otp: str, address: str, now: datetime) -> None:
    """Spend a code of the authenticator, or a recovery code; nothing to do for people without a second factor.

    Raises MfaRequired when no code was sent, and WrongOtp, which counts as a failed sign-in.
    """
    if user.mfa_enabled_at is None:
        return
    if not otp:
        raise MfaRequired(mfa_token=signing.dumps(str(user.id), salt="accounts.mfa", compress=False))
    with transaction("accounts"):
        is_right = spend_totp(user, otp, now) or _spend_recovery_code(user, otp, address, now)
        if not is_right:
            record(ActivityKind.SIGN_IN_FAILED, user.id, now=now, address=address, reason="otp")
    if not is_right:
        lockout.count_failure(str(user.id), address)
        raise WrongOtp


def read_pending(mfa_token: str) -> UUID | None:
    """Return who passed the first factor within the last five minutes."""
    try:
        return UUID(signing.loads(mfa_token, salt="accounts.mfa", max_age=PENDING_S))
    except (signing.BadSignature, ValueError, TypeError):
        return None


def spend_totp(user: User, otp: str, now: datetime) -> bool:
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
    digests = secret_keys.signatures(recovery_message(code))
    unused = RecoveryCode.objects.filter(user=user, digest__in=digests, used_at__isnull=True)
    if not unused.update(used_at=now):
        return False
    left = RecoveryCode.objects.filter(user=user, used_at__isnull=True).count()
    record(ActivityKind.RECOVERY_CODE_USED, user.id, now=now, address=address, left=left)
    return True


def recovery_message(code: str) -> str:
    return "accounts.recovery\n" + "".join(letter for letter in code.lower() if letter.isalnum())
