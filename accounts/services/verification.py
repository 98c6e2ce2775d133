"""Proving that a mailbox is one's own: a mailed link, good once for a day; and telling the mailbox of before."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core import signing

from accounts.errors import InvalidLink, UserNotFound
from accounts.events import UserUpdated
from accounts.models import ActivityKind, User
from accounts.services.activity import record
from accounts.services.tokens import as_id
from accounts.services.uniqueness import unique_names
from core.db import transaction
from messaging.delivery.calls import request_call
from messaging.outbox import publish

LINK_LIFETIME_S = 86_400
UNDO_LIFETIME_S = 7 * 86_400
_SALT = "accounts.verify_email"
UNDO_SALT = "accounts.undo_email"


def request_verification(user: User, *, now: datetime) -> None:
    """Mail the link; at most one a minute for one address."""
    with transaction("accounts"):
        request_call(
            key=f"verify-email:{user.id}:{user.version}:{now:%Y%m%d%H%M}",
            operation="accounts.mail_verification",
            provider="mail",
            request={"user_id": str(user.id)},
        )


def resend_verification(*, user_id: UUID, now: datetime) -> None:
    """Mail another link to somebody whose e-mail, or new e-mail, is not verified yet. Raises UserNotFound."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise UserNotFound
    if user.pending_email or not user.is_email_proved:
        request_verification(user, now=now)


def verification_token(user: User) -> str:
    """Good for the address of this person that waits for its proof, until it is verified."""
    return signing.dumps([str(user.id), user.pending_email or user.email], salt=_SALT)


def tell_former_mailbox(user: User, *, now: datetime) -> None:
    """Mail to the proved mailbox that another is to take its place, with a link that takes that back."""
    with transaction("accounts"):
        request_call(
            key=f"email-notice:{user.id}:{user.version}",
            operation="accounts.mail_email_notice",
            provider="mail",
            request={"user_id": str(user.id)},
        )


def undo_token(user: User) -> str:
    """Good for a week for whoever reads the mailbox of before, against this one change."""
    return signing.dumps([str(user.id), user.former_email, user.pending_email or user.email], salt=UNDO_SALT)


def verify_email(*, token: str, now: datetime) -> User:
    """Note that the mailbox is the person's own; one that waited takes the place of the one before.

    Raises InvalidLink, for a link that was used too, and EmailTaken.
    """
    user_id, email = read_link(token, _SALT, LINK_LIFETIME_S, 2)
    with unique_names(), transaction("accounts"):
        user = User.objects.select_for_update().filter(pk=as_id(user_id), is_active=True).first()
        before = user.email if user else ""
        if user is None or not user.verify_email(email, now=now):
            raise InvalidLink
        user.save()
        record(ActivityKind.EMAIL_CHANGED if before != email else ActivityKind.EMAIL_VERIFIED, user.id, now=now)
        publish(UserUpdated(**facts_of(user)))
    return user


def read_link(token: str, salt: str, lifetime_s: int, length: int) -> list[str]:
    """Read a mailed link and return what it says. Raises InvalidLink of one that is forged or too old."""
    try:
        said = signing.loads(token, salt=salt, max_age=lifetime_s)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise InvalidLink from error
    if not isinstance(said, list) or len(said) != length:
        raise InvalidLink
    return [str(part) for part in said]


def facts_of(user: User) -> dict[str, Any]:
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
    }
