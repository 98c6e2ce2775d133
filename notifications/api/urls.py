"""Routes of notifications, relative to /api/v1/."""

from django.urls import re_path

from core.ids import UUID_PATTERN
from gateway.api import Router
from notifications.api.views import NotificationViewSet, PreferencesViewSet
from notifications.api.webhooks import WebhookDeliveryViewSet, WebhookLogViewSet, WebhookViewSet

router = Router()
router.register("notifications", NotificationViewSet, basename="notification")
router.register("webhooks", WebhookViewSet, basename="webhook")
router.register(
    f"webhooks/(?P<webhook_id>{UUID_PATTERN})/deliveries", WebhookLogViewSet, basename="webhook-delivery-log"
)
router.register("deliveries", WebhookDeliveryViewSet, basename="webhook-delivery")
urlpatterns = [
    re_path(
        r"^notifications/preferences/?$",
        PreferencesViewSet.as_view({"get": "show", "put": "update"}),
        name="notification-preferences",
    ),
    *router.urls,
]
