"""Signing in, signing up, signing out: Django's session for pages, by the same rules as the API's tokens."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import MfaRequired
from accounts.queries import is_oidc_offered, provider_name
from accounts.services import authenticate, register
from core.errors import DomainError
from gateway.guards.address import client_address
from storefront.consents import agreed
from storefront.forms.refusals import add_refusal
from storefront.forms.visitors import CodeForm, SignInForm, SignUpForm
from storefront.views.access import code_page
from storefront.visitor import BACKEND, count, next_url


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated and request.method != "POST":
        return redirect(next_url(request, "storefront:home"))
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            count(request, "login")
            user = authenticate(
                identifier=form.cleaned_data["email"],
                password=form.cleaned_data["password"],
                address=client_address(request.META),
                now=timezone.now(),
            )
        except MfaRequired as error:
            return code_page(request, CodeForm(initial={"mfa_token": error.extra["mfa_token"]}), status=200)
        except DomainError as error:
            add_refusal(form, error)
            return _page(request, "storefront/sign_in.html", form, status=error.status)
        login(request, user, backend=BACKEND)
        return redirect(next_url(request, "storefront:home"))
    return _page(request, "storefront/sign_in.html", form)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated and request.method != "POST":
        return redirect(next_url(request, "storefront:home"))
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            count(request, "login")
            given = {name: value for name, value in form.cleaned_data.items() if name != "is_agreed"}
            user = register(now=timezone.now(), agreement=agreed(request, "sign_up"), **given)
        except DomainError as error:
            add_refusal(form, error)
            return _page(request, "storefront/sign_up.html", form, status=error.status)
        login(request, user, backend=BACKEND)
        messages.success(request, _("Welcome! Your account is ready."))
        return redirect(next_url(request, "storefront:home"))
    return _page(request, "storefront/sign_up.html", form)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session, and with it the sockets that were opened in its name."""
    if request.user.is_authenticated:
        logout(request)
    return redirect("storefront:home")


def _page(request: HttpRequest, template: str, form: Any, status: int | None = None) -> HttpResponse:
    context = {
        "form": form,
        "next": next_url(request, "storefront:home") if _names_a_page(request) else "",
        "is_debug": settings.DEBUG,
        "is_oidc_offered": is_oidc_offered(),
        "provider_name": provider_name(),
    }
    return render(request, template, context, status=status or (400 if form.errors else 200))


def _names_a_page(request: HttpRequest) -> bool:
    return bool(request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME))
