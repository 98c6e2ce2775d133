"""Remember which car a guest wanted to keep an eye on, until they have signed in."""

from typing import Any

import structlog
from django.contrib.auth.signals import user_logged_in
from django.db import DatabaseError
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from catalog import services
from core.errors import DomainError
from core.ids import find_uuid

WANTED = "wanted_favourite"
log = structlog.get_logger(__name__)


def remember(request: HttpRequest, product_id: Any) -> None:
    """Keep a guest's wish in their session, which their sign-in takes over."""
    request.session[WANTED] = str(product_id)


@receiver(user_logged_in)
def add_wanted_favourite(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    """Add it to the favourites at sign-in; a car that is gone meanwhile, or one too many, is let go."""
    product_id = find_uuid(request.session.pop(WANTED, ""))
    if product_id is None:
        return
    try:
        services.add_favourite(user_id=user.pk, product_id=product_id, now=timezone.now())
    except (DomainError, DatabaseError) as error:
        log.warning("favourite_unkept", user_id=str(user.pk), error=repr(error))
