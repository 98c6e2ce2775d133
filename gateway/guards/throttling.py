"""DRF's door to the guard: one check per request, of the limit that the action names."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from gateway.guards import guard
from gateway.guards.address import client_address
from gateway.principal import Principal


class SlidingWindowThrottle(BaseThrottle):
    """Counts against `view.throttle_scopes[action]`, or `default`; raises rather than returning False."""

    def allow_request(self, request: Request, view: Any) -> bool:
        scopes: dict[str, str] = getattr(view, "throttle_scopes", {})
        scope = scopes.get(getattr(view, "action", None) or (request.method or "").lower(), "default")
        principal = request.user if isinstance(request.user, Principal) else None
        allowance = guard.check(principal, client_address(request.META), scope)
        if allowance is not None:
            request._request.rate_limit_headers = allowance.ready()  # type: ignore[attr-defined]
        return True
