"""The account page: profile, password, second factor, sessions, API keys, one's data."""

from typing import Any
from uuid import UUID

import segno
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import queries, services
from accounts.errors import ExportNotReady
from accounts.models import ApiKey, PersonalDataExport, Session
from core.errors import DomainError
from core.ids import find_uuid
from gateway.access.readings import Papers, hand_over
from gateway.guards.address import client_address
from orders.public import get_places
from storefront.forms.refusals import add_refusal
from storefront.forms.visitors import ApiKeyForm, LeaveForm, OtpForm, PasswordForm, ProfileForm
from storefront.pages import page
from storefront.visitor import count, get_principal, session_jti


@never_cache
@login_required
@sensitive_post_parameters("old_password", "new_password", "otp")
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Show the page, or do what one of its forms asks for and show it again."""
    forms = _forms(request)
    act = ACTS.get(request.POST.get("do", "")) if request.method == "POST" else None
    if act is None:
        return _page(request, forms, status=200 if request.method != "POST" else 400)
    form_name, run = act
    form = forms[form_name] if form_name else None
    if form is not None and not form.is_valid():
        return _page(request, forms, status=400)
    try:
        count(request, "login" if form_name in ("password", "otp", "leave") else "default")
        shown = run(request, form)
    except DomainError as error:
        if form is None:
            messages.error(request, str(error.detail))
            return redirect(resolve_url("storefront:account") + "#top")
        add_refusal(form, error)
        return _page(request, forms, status=error.status)
    if not request.user.is_authenticated:
        return redirect("storefront:home")
    return _page(request, forms, **shown) if shown else redirect(resolve_url("storefront:account") + "#top")


def _forms(request: HttpRequest) -> dict[str, Any]:
    """The page's forms; the one that was sent holds what was sent."""
    user: Any = request.user
    wanted = ACTS.get(request.POST.get("do", ""), ("", None))[0] if request.method == "POST" else ""
    profile = {name: getattr(user, name) for name in ProfileForm.base_fields}
    return {
        "profile": ProfileForm(request.POST if wanted == "profile" else None, initial=profile),
        "password": PasswordForm(request.POST if wanted == "password" else None),
        "otp": OtpForm(request.POST if wanted == "otp" else None),
        "leave": LeaveForm(request.POST if wanted == "leave" else None),
        "key": ApiKeyForm(request.POST if wanted == "key" else None),
    }


def _page(request: HttpRequest, forms: dict[str, Any], status: int = 200, **shown: Any) -> HttpResponse:
    user: Any = request.user
    now = timezone.now()
    context = {
        "forms": forms,
        "places": get_places(user.pk),
        "sessions": Session.objects.live(user.pk, now).order_by("-last_used_at")[:50],
        "current_session": session_jti(request),
        "keys": ApiKey.objects.live(now).filter(user_id=user.pk).order_by("-created_at"),
        "export": PersonalDataExport.objects.filter(user_id=user.pk, expires_at__gt=now).order_by("created_at").last(),
    }
    return render(request, "storefront/account.html", context | shown, status=status)


def _change_profile(request: HttpRequest, form: Any) -> None:
    services.update_user(user_id=_id(request), changes=form.cleaned_data, now=timezone.now())
    messages.success(request, _("Saved."))


def _change_password(request: HttpRequest, form: Any) -> None:
    services.change_password(
        principal=get_principal(request), **form.cleaned_data, address=_address(request), now=timezone.now()
    )
    user: Any = request.user
    user.refresh_from_db()
    update_session_auth_hash(request, user)
    messages.success(request, _("Your password is changed. All other sessions have ended."))


def _enroll(request: HttpRequest, form: None) -> dict[str, Any]:
    enrollment = services.enroll_mfa(user_id=_id(request), now=timezone.now())
    picture = segno.make(enrollment.otpauth_uri).svg_inline(scale=4, border=2, light="#fff")
    return {"enrollment": enrollment, "qr": mark_safe(picture)}  # our own drawing of our own text


def _confirm(request: HttpRequest, form: Any) -> dict[str, Any]:
    otp = form.cleaned_data["otp"]
    codes = services.confirm_mfa(user_id=_id(request), otp=otp, address=_address(request), now=timezone.now())
    _reload(request)
    return {"recovery_codes": codes}


def _disable(request: HttpRequest, form: Any) -> None:
    otp = form.cleaned_data["otp"]
    services.disable_mfa(user_id=_id(request), otp=otp, address=_address(request), now=timezone.now())
    messages.success(request, _("Two-factor authentication is off."))


def _resend(request: HttpRequest, form: None) -> None:
    services.resend_verification(user_id=_id(request), now=timezone.now())
    messages.success(request, _("A letter with a link is on its way."))


def _end_session(request: HttpRequest, form: None) -> None:
    services.revoke_session(user_id=_id(request), session_id=_named(request), now=timezone.now())


def _create_key(request: HttpRequest, form: Any) -> dict[str, Any]:
    _row, key = services.create_api_key(
        user_id=_id(request), **form.cleaned_data, expires_at=None, address=_address(request), now=timezone.now()
    )
    return {"new_key": key}


def _revoke_key(request: HttpRequest, form: None) -> None:
    services.revoke_api_key(user_id=_id(request), key_id=_named(request), address=_address(request), now=timezone.now())


def _export(request: HttpRequest, form: None) -> None:
    services.request_export(user_id=_id(request), requested_by=_id(request), now=timezone.now())
    messages.success(request, _("We are gathering your data. Come back in a moment."))


def _leave(request: HttpRequest, form: Any) -> None:
    """Erase the account; refused while something is under way that needs a person to belong to."""
    services.erase_own_account(
        user_id=_id(request), password=form.cleaned_data["old_password"], address=_address(request), now=timezone.now()
    )
    logout(request)
    messages.success(request, _("Your account is erased. Good-bye, and thank you."))


ACTS: dict[str, tuple[str, Any]] = {
    "profile": ("profile", _change_profile),
    "password": ("password", _change_password),
    "enroll": ("", _enroll),
    "confirm": ("otp", _confirm),
    "disable": ("otp", _disable),
    "resend": ("", _resend),
    "end-session": ("", _end_session),
    "create-key": ("key", _create_key),
    "revoke-key": ("", _revoke_key),
    "export": ("", _export),
    "leave": ("leave", _leave),
}
"""What a form's `do` asks for: the form that must be valid, and the action."""


@page
@never_cache
@login_required
@require_http_methods(["GET", "HEAD"])
def download_export(request: HttpRequest, export_id: UUID) -> HttpResponse:
    """The file of one's own export."""
    try:
        document = queries.read_export(export_id=export_id, user_id=_id(request), now=timezone.now())
    except ExportNotReady as error:
        messages.error(request, error.detail)
        return redirect("storefront:account")
    papers = Papers("accounts", "personal_data", export_id, _id(request))
    name = 'attachment; filename="personal-data.json"'
    return hand_over(request, papers, document, "application/json", headers={"Content-Disposition": name})


def _id(request: HttpRequest) -> UUID:
    user: Any = request.user
    return UUID(str(user.pk))


def _reload(request: HttpRequest) -> None:
    user: Any = request.user
    user.refresh_from_db()


def _address(request: HttpRequest) -> str:
    return client_address(request.META)


def _named(request: HttpRequest) -> UUID:
    """The row a button belongs to; of nonsense, an id that nothing has."""
    return find_uuid(request.POST.get("id", "")) or UUID(int=0)
