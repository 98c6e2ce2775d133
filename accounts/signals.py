"""Every way into the pages opens a session like the API's, seen in the list of sessions and ended from there."""

from typing import Any
from uuid import UUID

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts import services
from accounts.errors import SessionNotFound
from accounts.models import User
from gateway.address import client_address

KEY = "accounts_session"


@receiver(user_logged_in)
def open_page_session(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    """Django signed somebody in, whichever form they used."""
    session = services.open_session(
        user_id=user.pk,
        device=request.META.get("HTTP_USER_AGENT", ""),
        address=client_address(request.META) if "REMOTE_ADDR" in request.META else "",
        now=timezone.now(),
    )
    request.session[KEY] = str(session.id)
    request.known_to = user.pk  # type: ignore[attr-defined]


@receiver(user_logged_out)
def close_page_session(sender: Any, request: HttpRequest, user: User | None, **_: Any) -> None:
    """Django is about to sign somebody out."""
    found = request.session.get(KEY)
    if user is None or not found:
        return
    try:
        services.revoke_session(user_id=user.pk, session_id=UUID(found), because="signed_out", now=timezone.now())
    except SessionNotFound:
        return
