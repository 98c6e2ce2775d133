"""Signing in by an OpenID provider, in a browser: there and back again."""

from typing import Any

from django.conf import settings
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.api import serializers
from accounts.errors import IdentityRefused
from gateway.api import ApiViewSet
from gateway.guards.address import client_address

COOKIE = "autosalon_oidc"
LIFE = {"access_token_seconds"}


@extend_schema(tags=["auth"])
class GoogleViewSet(ApiViewSet):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_scopes = {"callback": "login"}
    pagination_class = None
    filter_backends = ()

    @extend_schema(
        responses={302: OpenApiResponse(description="To the provider, with state, nonce and a PKCE challenge.")},
        auth=[],
    )
    @action(detail=False, methods=["get"])
    def login(self, request: Request) -> Any:
        """Send the browser to the OpenID provider to sign in there."""
        departure = services.begin_oidc(redirect_uri=f"{settings.PUBLIC_URL}{reverse('accounts:auth-google-callback')}")
        response = HttpResponseRedirect(departure.url)
        response.set_cookie(
            COOKIE,
            departure.ticket,
            max_age=services.TICKET_S,
            path=reverse("accounts:auth-google-callback"),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        return response

    @extend_schema(
        parameters=[*(OpenApiParameter(name, str) for name in ("code", "state", "error")), serializers.LifeSerializer],
        responses=serializers.TokenPairSerializer,
        auth=[],
    )
    @action(detail=False, methods=["get"])
    def callback(self, request: Request) -> Response:
        """Take the browser back from the OpenID provider: its code becomes a pair of tokens."""
        given = {name: request.query_params.get(name, "") for name in ("code", "state", "error")}
        life = serializers.LifeSerializer(
            data={name: request.query_params[name] for name in LIFE & {*request.query_params}}
        )
        life.is_valid(raise_exception=True)
        address, now = client_address(request.META), timezone.now()
        if given["error"]:
            raise IdentityRefused
        user, _ = services.finish_oidc(
            ticket=request.COOKIES.get(COOKIE, ""), state=given["state"], code=given["code"], address=address, now=now
        )
        device = request.headers.get("User-Agent", "")
        pair = services.issue_tokens(user_id=user.id, device=device, address=address, now=now, **life.validated_data)
        response = Response(serializers.TokenPairSerializer(pair).data)
        response.delete_cookie(COOKIE, path=reverse("accounts:auth-google-callback"))
        return response
