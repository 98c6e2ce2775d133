"""Webhooks over HTTP: for admins alone."""

from uuid import UUID

from django.db.models import Prefetch, QuerySet
from rest_framework import mixins
from rest_framework.decorators import action

from gateway.access.permissions import IsAdmin
from gateway.api import ApiViewSet
from gateway.writes import Call, write
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

    @write(request=WebhookInput, responses={201: WebhookWithSecretSerializer})
    def create(self, call: Call) -> WebhookEndpoint:
        """Register a receiver; its secret is shown this once."""
        return services.register_webhook(owner_id=call.actor_id, fields=call.body, now=call.now)

    @write(request=WebhookInput, responses=WebhookSerializer)
    def update(self, call: Call, pk: UUID) -> WebhookEndpoint:
        return self._update(call, pk)

    @write(request=WebhookInput(partial=True), responses=WebhookSerializer)
    def partial_update(self, call: Call, pk: UUID) -> WebhookEndpoint:
        """Change some fields; `state` switches it off, or on again with a clean record."""
        return self._update(call, pk)

    def _update(self, call: Call, pk: UUID) -> WebhookEndpoint:
        return services.change_webhook(
            webhook_id=pk, changes=call.body, expected_version=call.expected_version, now=call.now
        )

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        """Remove a receiver with the log of its deliveries."""
        services.remove_webhook(webhook_id=pk, expected_version=call.expected_version)

    @action(detail=True, methods=["post"])
    @write(responses={202: WebhookDeliverySerializer})
    def test(self, call: Call, pk: UUID) -> WebhookDelivery:
        """Send a message that means nothing, once; the answer names the delivery to look at."""
        return services.send_test(webhook_id=self.get_object().id, now=call.now)

    @action(detail=True, methods=["post"], url_path="rotate-secret")
    @write(responses=WebhookWithSecretSerializer)
    def rotate_secret(self, call: Call, pk: UUID) -> WebhookEndpoint:
        """Make a new secret, shown this once; for a day messages are signed with both."""
        return services.rotate_secret(webhook_id=self.get_object().id, now=call.now)


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

    @action(detail=True, methods=["post"])
    @write(responses={202: WebhookDeliverySerializer})
    def redeliver(self, call: Call, pk: UUID) -> WebhookDelivery:
        """Send it again at once, under the same webhook-id, with a new schedule of retries."""
        return services.redeliver(delivery_id=self.get_object().id, now=call.now)
