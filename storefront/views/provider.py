"""Signing in by an OpenID provider from the page: there, and back into a page session."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts import queries, services
from accounts.errors import IdentityRefused, MfaRequired
from core.errors import DomainError
from gateway.guards.address import client_address
from storefront.forms.visitors import CodeForm
from storefront.views.access import code_page
from storefront.visitor import BACKEND, count, next_url

COOKIE = "autosalon_page_oidc"


@never_cache
@require_GET
def leave_for_provider(request: HttpRequest) -> HttpResponse:
    """To the provider, with a sealed ticket in a cookie that only the way back can read."""
    if not queries.is_oidc_offered():
        raise Http404
    back = reverse("storefront:provider-callback")
    try:
        departure = services.begin_oidc(
            redirect_uri=f"{settings.PUBLIC_URL}{back}", next_page=next_url(request, "storefront:home")
        )
    except DomainError as error:
        return _refused(request, error)
    response = HttpResponseRedirect(departure.url)
    response.set_cookie(
        COOKIE,
        departure.ticket,
        max_age=services.TICKET_S,
        path=back,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@never_cache
@require_GET
def come_back_from_provider(request: HttpRequest) -> HttpResponse:
    """Open the page's session for whom the provider vouches for; a second factor is still asked for."""
    address, page = client_address(request.META), reverse("storefront:home")
    try:
        count(request, "login")
        if request.GET.get("error"):
            raise IdentityRefused
        user, page = services.finish_oidc(
            ticket=request.COOKIES.get(COOKIE, ""),
            state=request.GET.get("state", ""),
            code=request.GET.get("code", ""),
            address=address,
            now=timezone.now(),
        )
    except MfaRequired as error:
        return _spent(code_page(request, CodeForm(initial={"mfa_token": error.extra["mfa_token"]}), status=200))
    except DomainError as error:
        return _spent(_refused(request, error))
    login(request, user, backend=BACKEND)
    return _spent(redirect(page or "storefront:home"))


def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    messages.error(request, error.detail)
    return redirect("storefront:sign-in")


def _spent(response: HttpResponse) -> HttpResponse:
    response.delete_cookie(COOKIE, path=reverse("storefront:provider-callback"))
    return response
