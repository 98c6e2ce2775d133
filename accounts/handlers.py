"""React to the facts of accounts itself."""

from typing import Any
from uuid import UUID

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts import services
from accounts.errors import SessionNotFound
from accounts.events import UserDeactivated, UserDeleted, UserLoggedOut, UserRoleChanged
from accounts.models import User
from accounts.services import list_erasure, push_revocations
from accounts.services.sessions import PAGE_SESSION
from gateway.guards.address import client_address
from messaging.subscriptions import subscribe


@subscribe(UserLoggedOut, UserDeactivated, UserRoleChanged)
def refuse_revoked_tokens(event: UserLoggedOut | UserDeactivated | UserRoleChanged) -> None:
    """Tell the guards again, until Valkey has heard: what was sent after the commit may have been lost."""
    push_revocations(user_id=event.user_id, now=timezone.now())


@subscribe(UserDeleted, name="accounts.note_erasure")
def record_erasure(event: UserDeleted) -> None:
    """Write the erasure down where no backup of a database reaches."""
    list_erasure(user_id=event.user_id)


@receiver(user_logged_in)
def open_page_session(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    """Django signed somebody in, whichever form they used."""
    session = services.open_session(
        user_id=user.pk,
        device=request.META.get("HTTP_USER_AGENT", ""),
        address=client_address(request.META) if "REMOTE_ADDR" in request.META else "",
        now=timezone.now(),
    )
    request.session[PAGE_SESSION] = str(session.id)
    request.known_to = user.pk  # type: ignore[attr-defined]


@receiver(user_logged_out)
def close_page_session(sender: Any, request: HttpRequest, user: User | None, **_: Any) -> None:
    """Django is about to sign somebody out."""
    found = request.session.get(PAGE_SESSION)
    if user is None or not found:
        return
    try:
        services.revoke_session(user_id=user.pk, session_id=UUID(found), because="signed_out", now=timezone.now())
    except SessionNotFound:
        return
