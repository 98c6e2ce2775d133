"""DRF's door to the caller's identity."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from gateway.access.bearer import identify
from gateway.principal import Principal


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`; `request.user` becomes a Principal."""

    def authenticate(self, request: Request) -> tuple[Principal, str] | None:
        principal = identify(request.META)
        return (principal, principal.jti) if principal else None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
