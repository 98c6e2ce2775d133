"""Second factors, API keys and the proof of one's mailbox."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
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


@extend_schema(tags=["auth"])
class MfaViewSet(ApiViewSet):
    permission_classes = (IsPerson,)
    throttle_scopes = dict.fromkeys(("confirm", "disable"), "login")
    pagination_class = None
    filter_backends = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        step_up.offer(request.data, address=client_address(request.META))

    @extend_schema(request=serializers.StepUpSerializer, responses=serializers.EnrollmentSerializer)
    @action(detail=False, methods=["post"])
    def enroll(self, request: Request) -> Response:
        """Begin two-factor: a secret for the authenticator. It counts from the first code of it that is confirmed."""
        self.valid(serializers.StepUpSerializer)
        enrollment = services.enroll_mfa(user_id=self.principal.id, now=timezone.now())
        return Response(serializers.EnrollmentSerializer(enrollment).data)

    @extend_schema(request=serializers.OtpSerializer, responses=serializers.RecoveryCodesSerializer)
    @counts_failures
    @action(detail=False, methods=["post"])
    def confirm(self, request: Request) -> Response:
        """Switch two-factor on by a code of the authenticator; the recovery codes are shown this once."""
        codes = services.confirm_mfa(**self._spent(), now=timezone.now())
        return Response({"recovery_codes": codes})

    @extend_schema(request=serializers.OtpSerializer, responses={204: None})
    @counts_failures
    @action(detail=False, methods=["post"])
    def disable(self, request: Request) -> Response:
        """Switch two-factor off, by a code."""
        services.disable_mfa(**self._spent(), now=timezone.now())
        return Response(status=204)

    def _spent(self) -> dict[str, Any]:
        otp = self.valid(serializers.OtpSerializer)["otp"]
        return {"user_id": self.principal.id, "otp": otp, "address": client_address(self.request.META)}


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

    @extend_schema(request=None, responses={202: None})
    def create(self, request: Request) -> Response:
        """Send the link that proves the e-mail once more."""
        services.resend_verification(user_id=self.principal.id, now=timezone.now())
        return Response(status=202)

    @extend_schema(request=serializers.LinkSerializer, responses={204: None}, auth=[])
    @action(detail=False, methods=["post"])
    def confirm(self, request: Request) -> Response:
        """Prove an e-mail by the link that was sent to it."""
        services.verify_email(**self.valid(serializers.LinkSerializer), now=timezone.now())
        return Response(status=204)


@extend_schema(tags=["auth"])
class UndoEmailViewSet(ApiViewSet):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_scopes = {"create": "login"}
    pagination_class = None
    filter_backends = ()

    @extend_schema(request=serializers.LinkSerializer, responses={204: None}, auth=[])
    def create(self, request: Request) -> Response:
        """Put the old e-mail back by the link that was sent there; the password and every session end."""
        services.undo_email(**self.valid(serializers.LinkSerializer), now=timezone.now())
        return Response(status=204)


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

    @extend_schema(request=serializers.NewApiKeySerializer, responses={201: serializers.ShownApiKeySerializer})
    def create(self, request: Request) -> Response:
        """Make an API key; it is shown this once, only its hash is kept."""
        data = self.valid(serializers.NewApiKeySerializer)
        row, key = services.create_api_key(
            user_id=self.principal.id, **data, address=client_address(request.META), now=timezone.now()
        )
        return Response(serializers.ShownApiKeySerializer(row, context={"key": key}).data, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        services.revoke_api_key(
            user_id=self.principal.id, key_id=pk, address=client_address(request.META), now=timezone.now()
        )
        return Response(status=204)
