"""Helping somebody who lost their second factor back in."""

from datetime import datetime
from uuid import UUID

from accounts.errors import MfaNotEnabled, MfaResetRefused, UserNotFound
from accounts.events import UserMfaReset
from accounts.models import ActivityKind, User
from accounts.services.activity import record
from accounts.services.factors import forget_factors
from accounts.services.proofs import require_proof
from accounts.services.sessions import end_sessions
from core.db import transaction
from messaging.outbox import publish


def reset_mfa(*, user_id: UUID, actor_id: UUID, reason: str, now: datetime) -> None:
    """Take off the second factor of somebody who lost it and its recovery codes; every session of theirs ends.

    Who did it, and why, stands in the person's log. Publishes UserMfaReset, UserLoggedOut for each session. Raises
    StepUpRequired, UserNotFound, MfaNotEnabled, MfaResetRefused for one's own.
    """
    require_proof(now=now)
    if user_id == actor_id:
        raise MfaResetRefused
    with transaction("accounts"):
        user = User.objects.select_for_update().filter(pk=user_id, is_active=True).first()
        if user is None:
            raise UserNotFound
        if user.mfa_enabled_at is None:
            raise MfaNotEnabled
        forget_factors(user)
        user.mfa_enabled_at = None
        user.save()
        record(ActivityKind.MFA_RESET, user_id, now=now, by=str(actor_id), reason=reason)
        publish(UserMfaReset(user_id=user_id, actor_id=actor_id))
        end_sessions(user_id=user_id, because="mfa_reset", now=now)
