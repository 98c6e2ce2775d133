"""Webhooks over HTTP: for admins alone."""

from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.access.permissions import IsAdmin
from gateway.api import ApiViewSet
from gateway.requests.etags import require_match
from notifications import services
from notifications.api.filters import WebhookDeliveryFilter, WebhookFilter
from notifications.api.serializers import (
    WebhookDeliveryDetailSerializer,
    WebhookDeliverySerializer,
    WebhookInput,
    WebhookSerializer,
    WebhookWithSecretSerializer,
)
from notifications.errors import WebhookNotFound
from notifications.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint


class WebhookViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """Receivers of events."""

    permission_classes = [IsAdmin]
    queryset = WebhookEndpoint.objects.defer("secret", "previous_secret")
    serializer_class = WebhookSerializer
    filterset_class = WebhookFilter
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at"}

    @extend_schema(request=WebhookInput, responses={201: WebhookWithSecretSerializer})
    def create(self, request: Request) -> Response:
        """Register a receiver; its secret is shown this once."""
        webhook = services.register_webhook(
            owner_id=self.principal.id, fields=self.valid(WebhookInput), now=timezone.now()
        )
        return Response(WebhookWithSecretSerializer(webhook).data, status=201)

    @extend_schema(request=WebhookInput, responses=WebhookSerializer)
    def update(self, request: Request, pk: UUID) -> Response:
        return self._update(self.valid(WebhookInput))

    @extend_schema(request=WebhookInput(partial=True), responses=WebhookSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change some fields; `state` switches it off, or on again with a clean record."""
        return self._update(self.valid(WebhookInput, partial=True))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Remove a receiver with the log of its deliveries."""
        webhook_id, expected = self._matched()
        services.remove_webhook(webhook_id=webhook_id, expected_version=expected)
        return Response(status=204)

    @extend_schema(request=None, responses={202: WebhookDeliverySerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: UUID) -> Response:
        """Send a message that means nothing, once; the answer names the delivery to look at."""
        delivery = services.send_test(webhook_id=self.get_object().id, now=timezone.now())
        return Response(WebhookDeliverySerializer(delivery).data, status=202)

    @extend_schema(request=None, responses=WebhookWithSecretSerializer)
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: UUID) -> Response:
        """Make a new secret, shown this once; for a day messages are signed with both."""
        webhook = services.rotate_secret(webhook_id=self.get_object().id, now=timezone.now())
        return Response(WebhookWithSecretSerializer(webhook).data)

    def _update(self, changes: Any) -> Response:
        webhook_id, expected = self._matched()
        webhook = services.change_webhook(
            webhook_id=webhook_id, changes=changes, expected_version=expected, now=timezone.now()
        )
        return Response(WebhookSerializer(webhook).data)

    def _matched(self) -> tuple[UUID, int | None]:
        """The object's id, and the version it must still have when it is locked."""
        found = self.get_object()
        require_match(self.request, found.version)
        return found.id, found.version if "If-Match" in self.request.headers else None


class WebhookLogViewSet(mixins.ListModelMixin, ApiViewSet):
    """Deliveries to one receiver, the latest first."""

    permission_classes = [IsAdmin]
    queryset = WebhookDelivery.objects.defer("body")
    serializer_class = WebhookDeliverySerializer
    filterset_class = WebhookDeliveryFilter
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at"}

    def get_queryset(self) -> QuerySet[WebhookDelivery]:
        try:
            webhook = WebhookEndpoint.objects.only("id").get(pk=self.kwargs["webhook_id"])
        except WebhookEndpoint.DoesNotExist as error:
            raise WebhookNotFound from error
        return super().get_queryset().filter(endpoint=webhook)


class WebhookDeliveryViewSet(mixins.RetrieveModelMixin, ApiViewSet):
    """One delivery with its log."""

    permission_classes = [IsAdmin]
    queryset = WebhookDelivery.objects.prefetch_related(
        Prefetch("log", queryset=WebhookAttempt.objects.order_by("-number"))
    )
    serializer_class = WebhookDeliveryDetailSerializer

    @extend_schema(request=None, responses={202: WebhookDeliverySerializer})
    @action(detail=True, methods=["post"])
    def redeliver(self, request: Request, pk: UUID) -> Response:
        """Send it again at once, under the same webhook-id, with a new schedule of retries."""
        delivery = services.redeliver(delivery_id=self.get_object().id, now=timezone.now())
        return Response(WebhookDeliverySerializer(delivery).data, status=202)
