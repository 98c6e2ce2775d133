"""Pages believe a browser only as long as its session lives, and ask again who it is before what matters most."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts import services
from accounts.services import lockout
from accounts.services.sessions import PAGE_SESSION
from gateway.access import policy, step_up
from gateway.principal import Principal


class PageSessionMiddleware:
    """After Django's AuthenticationMiddleware; costs one query where a page asks who is looking, and none elsewhere."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        known: Any = request.user
        request.user = SimpleLazyObject(lambda: _still(request, known))  # type: ignore[assignment]
        step_up.name(lambda: _caller(request))
        response = self.get_response(request)
        asked = step_up.current()
        if asked is not None and asked.is_refused:
            response = _ask_again(request)
        if (known_to := getattr(request, "known_to", None)) is not None:
            lockout.remember_device(response, known_to)
        return response


def _caller(request: HttpRequest) -> Principal | None:
    user: Any = request.user
    jti = str(request.session.get(PAGE_SESSION, ""))
    return policy.page_principal(user, jti=jti, lifetime_s=0) if user.is_authenticated else None


def _ask_again(request: HttpRequest) -> HttpResponse:
    """Lead to the page that asks for a proof, whatever the view made of the refusal; then back to where it was.

    Where there are no such pages, the admin's own sign-in asks.
    """
    if settings.STEP_UP_URL:
        asking = reverse(settings.STEP_UP_URL)
    else:
        logout(request)
        asking = reverse("admin:login")
    address = f"{asking}?{urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})}"
    if "HX-Request" in request.headers:
        return HttpResponse(headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def _still(request: HttpRequest, user: Any) -> Any:
    found = request.session.get(PAGE_SESSION)
    if not user.is_authenticated or not found:
        return user
    if services.use_session(user_id=user.pk, session_id=UUID(found), now=timezone.now()):
        return user
    request.session.flush()
    return AnonymousUser()
