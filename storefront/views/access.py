"""Getting back in: the second factor, a forgotten password, the proof of one's mailbox."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import services
from core.errors import DomainError
from gateway.guards.address import client_address
from storefront.forms.refusals import add_refusal
from storefront.forms.visitors import CodeForm, ForgottenForm, NewPasswordForm, ProofForm, VerifyForm
from storefront.visitor import BACKEND, count, get_principal, next_url

READ_AND_SEND = ["GET", "HEAD", "POST"]


@never_cache
@require_http_methods(["POST"])
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """The second step of signing in: the code of the authenticator, or a recovery code."""
    form = CodeForm(request.POST)
    if form.is_valid():
        try:
            count(request, "login")
            address = client_address(request.META)
            user = services.authenticate_pending(**form.cleaned_data, address=address, now=timezone.now())
        except DomainError as error:
            add_refusal(form, error)
            return code_page(request, form, status=error.status)
        login(request, user, backend=BACKEND)
        return redirect(next_url(request, "storefront:home"))
    return code_page(request, form, status=400)


def code_page(request: HttpRequest, form: CodeForm, status: int) -> HttpResponse:
    """Ask for the code."""
    context = {"form": form, "next": next_url(request, "storefront:home")}
    return render(request, "storefront/sign_in_code.html", context, status=status)


@never_cache
@login_required
@sensitive_post_parameters("password", "otp")
@require_http_methods(READ_AND_SEND)
def step_up(request: HttpRequest) -> HttpResponse:
    """Ask again who is looking before what makes an account another's; a sign-in long ago may be a stranger's now."""
    user: Any = request.user
    ways = {"has_password": user.has_usable_password(), "has_factor": user.mfa_enabled_at is not None}
    form = ProofForm(request.POST if request.method == "POST" else None, **ways)
    status = 200
    if request.method == "POST" and form.is_valid():
        given = {"password": "", "otp": ""} | form.cleaned_data
        try:
            count(request, "login")
            address, now = client_address(request.META), timezone.now()
            services.prove(principal=get_principal(request), **given, address=address, now=now)
            messages.success(request, _("Thank you. Now you can make the change."))
            return redirect(next_url(request, "storefront:account"))
        except DomainError as error:
            add_refusal(form, error)
            status = error.status
    context = ways | {"form": form, "next": next_url(request, "storefront:account")}
    return render(request, "storefront/step_up.html", context, status=status)


@never_cache
@require_http_methods(READ_AND_SEND)
def forgotten(request: HttpRequest) -> HttpResponse:
    """Mail a link to whoever forgot their password; the answer never tells whether we know the address."""
    form = ForgottenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            count(request, "login")
        except DomainError as error:
            add_refusal(form, error)
            return _page(request, "forgotten", form, status=error.status)
        services.request_password_reset(**form.cleaned_data, now=timezone.now())
        messages.success(request, _("If we know this address, a letter with a link is on its way."))
        return redirect("storefront:sign-in")
    return _page(request, "forgotten", form)


@never_cache
@sensitive_post_parameters("new_password")
@require_http_methods(READ_AND_SEND)
def reset_password(request: HttpRequest) -> HttpResponse:
    """Set a new password with a mailed link."""
    form = NewPasswordForm(request.POST or None, initial={"token": request.GET.get("token", "")})
    if request.method == "POST" and form.is_valid():
        try:
            count(request, "login")
            address = client_address(request.META)
            user = services.reset_password(**form.cleaned_data, address=address, now=timezone.now())
            request.known_to = user.pk  # type: ignore[attr-defined]
        except DomainError as error:
            add_refusal(form, error)
            return _page(request, "reset_password", form, status=error.status)
        messages.success(request, _("Your new password is set. Please sign in."))
        return redirect("storefront:sign-in")
    return _page(request, "reset_password", form)


@never_cache
@require_http_methods(READ_AND_SEND)
def verify_email(request: HttpRequest) -> HttpResponse:
    """Prove one's mailbox. The link leads to a button, since mail scanners open every link they see."""
    form = VerifyForm(request.POST or None, initial={"token": request.GET.get("token", "")})
    if request.method == "POST" and form.is_valid():
        try:
            services.verify_email(**form.cleaned_data, now=timezone.now())
        except DomainError as error:
            add_refusal(form, error)
            return _page(request, "verify_email", form, status=error.status)
        messages.success(request, _("Thank you, your e-mail is confirmed."))
        return redirect("storefront:home")
    return _page(request, "verify_email", form)


@never_cache
@require_http_methods(READ_AND_SEND)
def undo_email(request: HttpRequest) -> HttpResponse:
    """Take back a change of e-mail. The link leads to a button, for the same reason."""
    form = VerifyForm(request.POST or None, initial={"token": request.GET.get("token", "")})
    if request.method == "POST" and form.is_valid():
        try:
            count(request, "login")
            services.undo_email(**form.cleaned_data, now=timezone.now())
        except DomainError as error:
            add_refusal(form, error)
            return _page(request, "undo_email", form, status=error.status)
        messages.success(
            request, _("The account has its e-mail back. A letter with a link for a new password is on its way.")
        )
        return redirect("storefront:home")
    return _page(request, "undo_email", form)


def _page(request: HttpRequest, name: str, form: object, status: int | None = None) -> HttpResponse:
    is_refused = bool(getattr(form, "errors", None))
    return render(request, f"storefront/{name}.html", {"form": form}, status=status or (400 if is_refused else 200))
