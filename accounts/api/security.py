"""Second factors, API keys and the proof of one's mailbox."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.api import serializers
from accounts.api.failures import counts_failures
from accounts.models import ApiKey
from gateway.access import step_up
from gateway.access.permissions import IsPerson, IsSignedIn
from gateway.api import ApiViewSet
from gateway.guards.address import client_address
from gateway.writes import Call, write


@extend_schema(tags=["auth"])
class MfaViewSet(ApiViewSet):
    permission_classes = (IsPerson,)
    throttle_scopes = dict.fromkeys(("confirm", "disable"), "login")
    pagination_class = None
    filter_backends = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        step_up.offer(request.data, address=client_address(request.META))

    @action(detail=False, methods=["post"])
    @write(request=serializers.StepUpSerializer, responses=serializers.EnrollmentSerializer)
    def enroll(self, call: Call) -> Any:
        """Begin two-factor: a secret for the authenticator. It counts from the first code of it that is confirmed."""
        return services.enroll_mfa(user_id=call.actor_id, now=call.now)

    @counts_failures
    @action(detail=False, methods=["post"])
    @write(request=serializers.OtpSerializer, responses=serializers.RecoveryCodesSerializer)
    def confirm(self, call: Call) -> dict[str, Any]:
        """Switch two-factor on by a code of the authenticator; the recovery codes are shown this once."""
        return {"recovery_codes": services.confirm_mfa(**_spent(call), now=call.now)}

    @counts_failures
    @action(detail=False, methods=["post"])
    @write(request=serializers.OtpSerializer, responses={204: None})
    def disable(self, call: Call) -> None:
        """Switch two-factor off, by a code."""
        services.disable_mfa(**_spent(call), now=call.now)


def _spent(call: Call) -> dict[str, Any]:
    address = client_address(call.request.META)
    return {"user_id": call.actor_id, "otp": call.body["otp"], "address": address}


@extend_schema(tags=["auth"])
class VerifyEmailViewSet(ApiViewSet):
    throttle_scopes = dict.fromkeys(("create", "confirm"), "login")
    pagination_class = None
    filter_backends = ()

    def get_authenticators(self) -> list[Any]:
        is_open = self.request is not None and self.action_map.get("post") == "confirm"
        return [] if is_open else super().get_authenticators()

    def get_permissions(self) -> list[Any]:
        return [AllowAny()] if self.action == "confirm" else [IsSignedIn()]

    @write(responses={202: None})
    def create(self, call: Call) -> None:
        """Send the link that proves the e-mail once more."""
        services.resend_verification(user_id=call.actor_id, now=call.now)

    @extend_schema(auth=[])
    @action(detail=False, methods=["post"])
    @write(request=serializers.LinkSerializer, responses={204: None})
    def confirm(self, call: Call) -> None:
        """Prove an e-mail by the link that was sent to it."""
        services.verify_email(**call.body, now=call.now)


@extend_schema(tags=["auth"])
class UndoEmailViewSet(ApiViewSet):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_scopes = {"create": "login"}
    pagination_class = None
    filter_backends = ()

    @extend_schema(auth=[])
    @write(request=serializers.LinkSerializer, responses={204: None})
    def create(self, call: Call) -> None:
        """Put the old e-mail back by the link that was sent there; the password and every session end."""
        services.undo_email(**call.body, now=call.now)


@extend_schema(tags=["auth"])
class ApiKeyViewSet(ApiViewSet):
    """One's own API keys: a key acts for its owner within the scopes it was given."""

    queryset = ApiKey.objects.none()
    serializer_class = serializers.ApiKeySerializer
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        step_up.offer(request.data, address=client_address(request.META))

    def get_queryset(self) -> QuerySet[ApiKey]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        return ApiKey.objects.filter(user_id=self.principal.id)

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @write(request=serializers.NewApiKeySerializer, responses={201: serializers.ShownApiKeySerializer})
    def create(self, call: Call) -> Response:
        """Make an API key; it is shown this once, only its hash is kept."""
        address = client_address(call.request.META)
        row, key = services.create_api_key(user_id=call.actor_id, **call.body, address=address, now=call.now)
        return Response(serializers.ShownApiKeySerializer(row, context={"key": key}).data, status=201)

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        address = client_address(call.request.META)
        services.revoke_api_key(user_id=call.actor_id, key_id=pk, address=address, now=call.now)
