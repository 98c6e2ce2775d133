"""Proving that a mailbox is one's own: a mailed link, good once for a day; and telling the mailbox of before."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import get_language

from accounts.errors import InvalidLink, UserNotFound
from accounts.events import UserUpdated
from accounts.models import ActivityKind, User
from accounts.queries.links import VERIFY_SALT, read_link
from accounts.queries.tokens import as_id
from accounts.services.activity import record
from accounts.services.uniqueness import unique_names
from core.db import transaction
from messaging.delivery.calls import request_call
from messaging.outbox import publish

LINK_LIFETIME_S = 86_400
UNDO_LIFETIME_S = 7 * 86_400


def request_verification(user: User, *, now: datetime) -> None:
    """Mail the link; at most one a minute for one address."""
    with transaction("accounts"):
        request_call(
            key=f"verify-email:{user.id}:{user.version}:{now:%Y%m%d%H%M}",
            operation="accounts.mail_verification",
            provider="mail",
            request={"user_id": str(user.id), "language": get_language()},
        )


def resend_verification(*, user_id: UUID, now: datetime) -> None:
    """Mail another link to somebody whose e-mail, or new e-mail, is not verified yet. Raises UserNotFound."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise UserNotFound
    if user.pending_email or not user.is_email_proved:
        request_verification(user, now=now)


def notify_former_mailbox(user: User, *, now: datetime) -> None:
    """Mail to the proved mailbox that another is to take its place, with a link that takes that back."""
    with transaction("accounts"):
        request_call(
            key=f"email-notice:{user.id}:{user.version}",
            operation="accounts.mail_email_notice",
            provider="mail",
            request={"user_id": str(user.id), "language": get_language()},
        )


def verify_email(*, token: str, now: datetime) -> User:
    """Note that the mailbox is the person's own; one that waited takes the place of the one before.

    Raises InvalidLink, for a link that was used too, and EmailTaken.
    """
    user_id, email = read_link(token, VERIFY_SALT, LINK_LIFETIME_S, 2)
    with unique_names(), transaction("accounts"):
        user = User.objects.select_for_update().filter(pk=as_id(user_id), is_active=True).first()
        before = user.email if user else ""
        if user is None or not user.verify_email(email, now=now):
            raise InvalidLink
        user.save()
        record(ActivityKind.EMAIL_CHANGED if before != email else ActivityKind.EMAIL_VERIFIED, user.id, now=now)
        publish(UserUpdated(**get_account_facts(user)))
    return user


def get_account_facts(user: User) -> dict[str, Any]:
    """Return what the events of an account tell of it."""
    return {
        "user_id": user.id,
        "email": user.email,
        "full_name": user.full_name,
        "phone": user.phone,
        "email_verified": user.email_verified_at is not None,
        "roles": list(user.roles),
        "version_number": user.version,
        "is_active": user.is_active,
        "username": user.username,
    }
