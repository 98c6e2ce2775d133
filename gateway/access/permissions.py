"""Roles and scopes as DRF permissions; ownership is not here but in each queryset: another's object does not exist."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from core.errors import Forbidden
from gateway.principal import ADMIN, MANAGER, MFA_SCOPE, Principal


class InsufficientScope(Forbidden):
    """The API key was not given this scope; `scope` names it."""

    code = "insufficient_scope"
    detail = _("This API key does not have the scope for this.")


class MfaEnrollmentRequired(Forbidden):
    """Staff must enrol a second factor before they may do anything else."""

    code = "mfa_enrollment_required"
    detail = _("Set up two-factor authentication first: POST /api/v1/auth/mfa/enroll.")


class EmailNotVerified(Forbidden):
    """The settings let only people with a verified e-mail do this."""

    code = "email_not_verified"
    detail = _("Please verify your e-mail first.")


def get_scope(method: str, view_class: type) -> str:
    """`<app>:read` or `<app>:write`: what a limited token must have for this call."""
    return f"{view_class.__module__.partition('.')[0]}:{'read' if method in SAFE_METHODS else 'write'}"


def require_scope(principal: Principal, scope: str) -> None:
    """Let the caller's token go no further than its scopes. Raises InsufficientScope, MfaEnrollmentRequired."""
    if principal.may(scope):
        return
    if principal.may(MFA_SCOPE):
        raise MfaEnrollmentRequired
    raise InsufficientScope(scope=scope)


def require_verified_email(principal: Principal) -> None:
    """Let only people with a verified e-mail on, where the settings ask for it. Raises EmailNotVerified."""
    if settings.EMAIL_VERIFICATION_REQUIRED and not (principal.email_verified or principal.is_staff):
        raise EmailNotVerified


def may_see_costs(roles: frozenset[str]) -> bool:
    """Tell whether these roles may see and write what goods cost, and see what deals leave over."""
    return bool(roles & {ADMIN, MANAGER} if settings.COSTS_SEEN_BY == "managers" else ADMIN in roles)


def may_audit(person_id: object, roles: frozenset[str]) -> bool:
    """Tell whether somebody may search who did what: an administrator, or a manager whom the settings name."""
    return ADMIN in roles or (MANAGER in roles and str(person_id) in settings.AUDITORS)


def _roles(request: Request, view: Any) -> frozenset[str]:
    if not isinstance(request.user, Principal):
        return frozenset()
    require_scope(request.user, get_scope(request.method or "", type(view)))
    return request.user.roles


class IsSignedIn(BasePermission):
    """Anyone with a valid token."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(_roles(request, view))


class IsAnyone(BasePermission):
    """With a token or without; one that is limited must still have the scope."""

    def has_permission(self, request: Request, view: Any) -> bool:
        _roles(request, view)
        return True


class IsSignedInOrEnrolling(IsSignedIn):
    """The same, and staff who have yet to enrol a second factor."""

    def has_permission(self, request: Request, view: Any) -> bool:
        may_enrol = isinstance(request.user, Principal) and request.user.may(MFA_SCOPE)
        return may_enrol or super().has_permission(request, view)


class IsPerson(BasePermission):
    """A person who signed in, be it only to enrol a second factor; never an API key."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if isinstance(request.user, Principal):
            require_scope(request.user, MFA_SCOPE)
        return isinstance(request.user, Principal)


class IsManager(BasePermission):
    """Managers and admins."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(_roles(request, view) & {MANAGER, ADMIN})


class IsAdmin(BasePermission):
    """Admins only."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return ADMIN in _roles(request, view)


class IsAuditor(BasePermission):
    """Admins, and managers who are named as auditors."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return may_audit(getattr(request.user, "pk", None), _roles(request, view))


class ReadByAnyone(BasePermission):
    """Reading needs no token; combine with `|`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.method in SAFE_METHODS
