"""Proving that a mailbox is one's own: a mailed link, good once for a day."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core import signing

from accounts.errors import InvalidLink, UserNotFound
from accounts.events import UserUpdated
from accounts.models import ActivityKind, User
from accounts.services.activity import record
from accounts.tokens import as_id
from core.db import transaction
from messaging.calls import request_call
from messaging.outbox import publish

LINK_LIFETIME_S = 86_400
_SALT = "accounts.verify_email"


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
    """Mail another link to somebody whose e-mail is not verified yet. Raises UserNotFound."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise UserNotFound
    if user.email_verified_at is None:
        request_verification(user, now=now)


def verification_token(user: User) -> str:
    """Good for this address of this person, until it is verified."""
    return signing.dumps([str(user.id), user.email], salt=_SALT)


def verify_email(*, token: str, now: datetime) -> User:
    """Note that the mailbox is the person's own. Raises InvalidLink, for a link that was used too."""
    user_id, email = _read(token)
    with transaction("accounts"):
        user = User.objects.select_for_update().filter(pk=user_id, email=email, is_active=True).first()
        if user is None or not user.verify_email(now=now):
            raise InvalidLink
        user.save()
        record(ActivityKind.EMAIL_VERIFIED, user.id, now=now)
        publish(UserUpdated(**facts_of(user)))
    return user


def _read(token: str) -> tuple[UUID, str]:
    try:
        user_id, email = signing.loads(token, salt=_SALT, max_age=LINK_LIFETIME_S)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise InvalidLink from error
    return as_id(str(user_id)), str(email)


def facts_of(user: User) -> dict[str, Any]:
    """What the events of an account tell of it."""
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
