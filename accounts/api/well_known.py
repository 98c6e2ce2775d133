"""Public keys (RFC 7517): with them anyone can verify an access token, and nobody need ask accounts."""

from typing import Any

from django.urls import re_path
from drf_spectacular.utils import extend_schema
from jwt.algorithms import RSAAlgorithm
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gateway.access.keyring import public_keys


class KeysView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()

    @extend_schema(operation_id="jwks", responses={200: dict[str, Any]}, auth=[], tags=["auth"])
    def get(self, request: Request) -> Response:
        """Public keys of access tokens (RFC 7517), the coming one among them; good for five minutes."""
        keys = [
            RSAAlgorithm.to_jwk(key, as_dict=True) | {"kid": kid, "use": "sig", "alg": "RS256"}
            for kid, key in public_keys().items()
        ]
        return Response({"keys": keys}, headers={"Cache-Control": "public, max-age=300"})


urlpatterns = [re_path(r"^\.well-known/jwks\.json/?$", KeysView.as_view(), name="jwks")]
