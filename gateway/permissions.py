"""Roles as DRF permissions; ownership is not here but in each queryset: another's object does not exist."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from gateway.principal import ADMIN, MANAGER, Principal


def _roles(request: Request) -> frozenset[str]:
    return request.user.roles if isinstance(request.user, Principal) else frozenset()


class IsSignedIn(BasePermission):
    """Anyone with a valid token."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, Principal)


class IsManager(BasePermission):
    """Managers and admins."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(_roles(request) & {MANAGER, ADMIN})


class IsAdmin(BasePermission):
    """Admins only."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return ADMIN in _roles(request)


class ReadByAnyone(BasePermission):
    """Reading needs no token; combine with `|`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.method in SAFE_METHODS
