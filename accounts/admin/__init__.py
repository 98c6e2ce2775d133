"""Screens for people and their sessions: everything that changes goes through a service."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.forms import AuthenticationForm
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts import services
from accounts.admin import saved_views
from accounts.errors import WeakPassword
from accounts.models import PROFILE_FIELDS, Role, Session, User, plain_email
from core.context import cause
from core.errors import DomainError
from core.screens.base import BusinessAdmin, ReadOnlyAdmin, asking_why
from gateway.guards import guard
from gateway.guards.address import client_address

__all__ = ["saved_views"]


class SignInForm(AuthenticationForm):
    """E-mail or user name, password, and the code of those who use two-factor; who must wait is told so."""

    otp = forms.CharField(
        label=_("Code of the authenticator, if you use one"),
        max_length=32,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def clean(self) -> dict[str, Any]:
        """Django's own clean, with the code given to the backend too."""
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if username is None or not password:
            return self.cleaned_data
        otp = self.cleaned_data.get("otp", "")
        try:
            guard.check(None, client_address(self.request.META), "login")
            user: Any = authenticate(self.request, username=username, password=password, otp=otp)
        except DomainError as error:
            raise ValidationError(error.detail, code=error.code) from error
        if user is None:
            raise self.get_invalid_login_error()
        self.user_cache = user
        self.confirm_login_allowed(user)
        return self.cleaned_data

    def confirm_login_allowed(self, user: Any) -> None:
        if user.must_enroll:
            raise ValidationError(
                _("Your role needs two-factor authentication. Set it up on your account page first."),
                code="mfa_enrollment_required",
            )
        super().confirm_login_allowed(user)


def _may_enter(request: HttpRequest) -> bool:
    """Active staff, with a second factor where the settings insist on one, whichever page they signed in on."""
    user: Any = request.user
    return user.is_active and user.is_staff


def _change_password(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """Lead to the account page, where the service counts guesses and ends sessions; Django's own view did neither.

    Where there are no pages for people, a link is mailed.
    """
    if settings.HAS_SHOP:
        return redirect(resolve_url("storefront:account") + "#password")
    user: Any = request.user
    services.request_password_reset(email=user.email, now=timezone.now())
    messages.success(request, _("A letter with a link is on its way."))
    return redirect("admin:index")


admin.site.login_form = SignInForm
admin.site.password_change = _change_password  # type: ignore[assignment, method-assign]
admin.site.password_change_done = _change_password  # type: ignore[assignment, method-assign]
admin.site.has_permission = _may_enter  # type: ignore[method-assign]
admin.site.unregister(Group)


class UserForm(forms.ModelForm):
    """The profile."""

    class Meta:
        model = User
        fields = ("email", "username", "full_name", "first_name", "last_name", "phone")

    def clean_email(self) -> str:
        try:
            return plain_email(str(self.cleaned_data["email"]))
        except DomainError as error:
            raise ValidationError(error.detail, code=error.code) from error


class NewUserForm(UserForm):
    """The profile and a first password."""

    password = forms.CharField(
        label=_("password"),
        strip=False,
        max_length=256,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        profile = {name: value for name, value in cleaned.items() if name in PROFILE_FIELDS}
        try:
            services.check_password_strength(cleaned.get("password", ""), User(**profile))
        except WeakPassword as error:
            self.add_error("password", [item["detail"] for item in error.errors])
        return cleaned


def _for_each(label: Any, act: Callable[[User], object]) -> Any:
    """An admin action that runs a service for each chosen person and reports refusals one by one."""

    @admin.action(description=label, permissions=["change"])
    def run(self: "UserAdmin", request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            try:
                with cause(actor=str(request.user.pk)):
                    act(user)
                self.message_user(request, f"{user.email}: {label}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{user.email}: {error.detail}", messages.ERROR)

    return run


def _give(role: Role) -> Callable[[User], object]:
    return lambda user: services.change_roles(user_id=user.pk, roles=[role], now=timezone.now())


@admin.register(User)
class UserAdmin(BusinessAdmin):
    """People: profile by form, everything else by action."""

    form = UserForm
    list_display = ["email", "full_name", "phone", "shown_roles", "is_active", "created_at", "last_login"]
    list_filter = ["is_active", "created_at"]
    readonly_fields = [
        "pending_email",
        "shown_roles",
        "is_active",
        "created_at",
        "updated_at",
        "last_login",
        "mfa_enabled_at",
        "erased_at",
    ]
    search_fields = ["search_text"]
    ordering = ["-created_at", "-id"]
    make_client = _for_each(_("Make client"), _give(Role.CLIENT))
    make_manager = _for_each(_("Make manager"), _give(Role.MANAGER))
    make_admin = _for_each(_("Make administrator"), _give(Role.ADMIN))
    close = _for_each(_("Close account"), lambda user: services.close_account(user_id=user.pk, now=timezone.now()))
    reopen = _for_each(_("Reopen account"), lambda user: services.reopen_account(user_id=user.pk, now=timezone.now()))
    reset = _for_each(
        _("Mail a password link"), lambda user: services.request_password_reset(email=user.email, now=timezone.now())
    )
    erase = _for_each(
        _("Erase personal data for ever"), lambda user: services.erase_user(user_id=user.pk, now=timezone.now())
    )
    actions = ["make_client", "make_manager", "make_admin", "close", "reopen", "reset", "erase"]

    actions_detail = ["reset_mfa"]
    reset_mfa = asking_why(
        "reset_mfa",
        _("Take off the second factor"),
        lambda user_id, actor_id, reason: services.reset_mfa(
            user_id=user_id, actor_id=actor_id, reason=reason, now=timezone.now()
        ),
        question=_("For somebody who lost the authenticator and its codes. How did you make sure who is asking?"),
        variant=ActionVariant.WARNING,
    )

    def has_reset_mfa_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Administrators only; this app's screens are closed to managers."""
        return self.has_change_permission(request)

    @admin.display(description=_("roles"))
    def shown_roles(self, user: User) -> str:
        return ", ".join(str(Role(role).label) for role in user.roles)

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs, **({} if obj else {"form": NewUserForm}))

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        return [*UserForm.Meta.fields, *self.readonly_fields] if obj else [*UserForm.Meta.fields, "password"]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.erased_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[User], search_term: str) -> Any:
        return (
            queryset.filter(pk__in=User.objects.search(search_term).values("pk")) if search_term else queryset
        ), False

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        with cause(actor=str(request.user.pk)):
            self._save(obj, form, change)

    def _save(self, obj: User, form: forms.ModelForm, change: bool) -> None:
        profile = {name: form.cleaned_data[name] for name in PROFILE_FIELDS}
        if change:
            services.update_user(user_id=obj.pk, changes=profile, now=timezone.now())
        else:
            created = services.create_user(password=form.cleaned_data["password"], now=timezone.now(), **profile)
            obj.__dict__.update(created.__dict__)


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Sign-ins of a person, with the place of each."""

    personal_columns = frozenset({"user"})
    list_display = ["user", "device", "address", "created_at", "last_used_at", "revoked_at", "revoked_because"]
    list_filter = ["last_used_at"]
    list_select_related = ["user"]
    search_fields = ["user__search_text"]
    ordering = ["-last_used_at", "-id"]
    actions = ["end"]

    @admin.action(description=_("End session"))
    def end(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        for session in queryset:
            try:
                with cause(actor=str(request.user.pk)):
                    services.revoke_session(user_id=session.user_id, session_id=session.pk, now=timezone.now())
            except DomainError as error:
                self.message_user(request, f"{session}: {error.detail}", messages.ERROR)
