"""Helping somebody back in who lost their second factor, or the account's mailbox to a stranger."""

from datetime import datetime, timedelta
from uuid import UUID

from accounts.errors import InvalidLink, MfaNotEnabled, MfaResetRefused, UserNotFound
from accounts.events import UserMfaReset, UserUpdated
from accounts.models import ActivityKind, User
from accounts.queries.links import UNDO_SALT, read_link
from accounts.queries.tokens import as_id
from accounts.services.activity import record
from accounts.services.api_keys import revoke_all_api_keys
from accounts.services.factors import forget_factors
from accounts.services.passwords import request_password_reset
from accounts.services.proofs import require_proof
from accounts.services.sessions import end_sessions
from accounts.services.uniqueness import unique_names
from accounts.services.verification import UNDO_LIFETIME_S, get_account_facts
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


def undo_email(*, token: str, now: datetime) -> User:
    """Take back a change of e-mail that the owner of the old mailbox did not want.

    Whoever made it knew the password or held a session: the password opens nothing any more, every session and API key
    ends, and a link for a new password is mailed. Raises InvalidLink, EmailTaken.
    """
    user_id, former, unwanted = read_link(token, UNDO_SALT, UNDO_LIFETIME_S, 3)
    with unique_names(), transaction("accounts"):
        user = User.objects.select_for_update().filter(pk=as_id(user_id), is_active=True).first()
        if user is None or not user.restore_email(former, unwanted, now=now):
            raise InvalidLink
        user.set_unusable_password()
        user.save()
        record(ActivityKind.EMAIL_RESTORED, user.id, now=now)
        publish(UserUpdated(**get_account_facts(user)))
        revoke_all_api_keys(user_id=user.id, now=now)
        end_sessions(user_id=user.id, because="email_restored", now=now)
        request_password_reset(email=former, now=now)
    return user


def forget_former_emails(*, now: datetime) -> int:
    """Drop the mailboxes of before when nobody may take the change back any more; return how many."""
    with transaction("accounts"):
        over = User.objects.filter(email_asked_at__lt=now - timedelta(seconds=UNDO_LIFETIME_S))
        return over.update(former_email="", pending_email="", email_asked_at=None)
