"""DRF's door to the caller's identity."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from gateway.principal import Principal, read_header


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`; `request.user` becomes a Principal."""

    def authenticate(self, request: Request) -> tuple[Principal, str] | None:
        principal = read_header(request.META.get("HTTP_AUTHORIZATION", ""))
        return (principal, principal.jti) if principal else None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
