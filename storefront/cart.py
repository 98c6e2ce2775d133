"""The visitor's cart: a client's own, or a guest's by a signed cookie that scripts cannot read."""

from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db import DatabaseError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import User
from orders.services import Holder, merge_cart
from storefront.visitor import user_id

SALT = "storefront.cart"
COOKIE_KEPT = timedelta(days=14)
log = structlog.get_logger(__name__)


def get_holder(request: HttpRequest) -> Holder:
    """Return whose cart this visitor sees; what a guest put in goes along with whoever has signed in."""
    token = _token(request)
    if not request.user.is_authenticated:
        return Holder(token=token)
    if token:
        merge_cart(token=token, customer_id=user_id(request), now=timezone.now())
    return Holder(user_id(request))


def remember(request: HttpRequest, response: HttpResponse, holder: Holder) -> HttpResponse:
    """Give the guest's browser the cart's token, and take it from one whose visitor has signed in."""
    if holder.customer_id is None and holder.token:
        response.set_signed_cookie(
            settings.CART_COOKIE_NAME,
            holder.token,
            salt=SALT,
            max_age=COOKIE_KEPT,
            httponly=True,
            secure=settings.SESSION_COOKIE_SECURE,
            samesite="Lax",
        )
    elif settings.CART_COOKIE_NAME in request.COOKIES:
        response.delete_cookie(settings.CART_COOKIE_NAME, samesite="Lax")
    return response


@receiver(user_logged_in)
def take_cart_along(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    """Merge at sign-in; while orders is away the cookie stays, and the cart's page does it later."""
    token = _token(request)
    if not token:
        return
    try:
        merge_cart(token=token, customer_id=user.pk, now=timezone.now())
    except DatabaseError as error:
        log.warning("cart_unmerged", user_id=str(user.pk), error=repr(error))


def _token(request: HttpRequest) -> str:
    return str(request.get_signed_cookie(settings.CART_COOKIE_NAME, default="", salt=SALT, max_age=COOKIE_KEPT))
