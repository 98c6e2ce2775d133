"""One's own notifications and preferences over HTTP."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.access.permissions import IsSignedIn
from gateway.api import ApiViewSet
from gateway.writes import Call, write
from notifications import services
from notifications.api.filters import NotificationFilter
from notifications.api.serializers import NotificationSerializer, PreferencesSerializer, parse_manner
from notifications.models import Channel, Kind, Notification, kinds_for
from notifications.queries.preferences import load_preferences


class NotificationViewSet(mixins.ListModelMixin, ApiViewSet):
    """News that the caller was told in the app; managers, too, see only their own."""

    permission_classes = [IsSignedIn]
    queryset = Notification.objects.filter(channel=Channel.IN_APP)
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilter
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at"}

    def get_queryset(self) -> QuerySet[Notification]:
        return super().get_queryset().filter(user_id=self.principal.id)

    @action(detail=True, methods=["post"])
    @write(responses=NotificationSerializer)
    def read(self, call: Call, pk: UUID) -> Notification:
        """Mark as read; again changes nothing."""
        return services.read_notification(notification_id=pk, user_id=call.actor_id, now=call.now)


class PreferencesViewSet(ApiViewSet):
    """Preferences of the caller for being told."""

    permission_classes = [IsSignedIn]
    serializer_class = PreferencesSerializer
    pagination_class = None
    filter_backends = []

    @extend_schema(operation_id="notification_preferences_retrieve", responses=PreferencesSerializer)
    def show(self, request: Request) -> Response:
        return Response(PreferencesSerializer(load_preferences(self.principal.id, self._kinds())).data)

    @write(request=PreferencesSerializer, responses=PreferencesSerializer)
    def update(self, call: Call) -> Any:
        """Set what is named; the rest stays as it is."""
        wishes: list[services.Wish] = call.body.get("preferences", [])
        services.set_preferences(user_id=call.actor_id, wishes=wishes, manner=parse_manner(call.body), now=call.now)
        return load_preferences(call.actor_id, self._kinds())

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "kinds": self._kinds()}

    def _kinds(self) -> list[Kind]:
        return kinds_for(is_staff=self.principal.is_staff, is_admin=self.principal.is_admin)
