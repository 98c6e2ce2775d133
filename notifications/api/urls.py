"""Routes of notifications, relative to /api/v1/."""

from django.urls import re_path

from gateway.api import Router
from notifications.api.views import NotificationViewSet, PreferencesViewSet

router = Router()
router.register("notifications", NotificationViewSet, basename="notification")
urlpatterns = [
    re_path(
        r"^notifications/preferences/?$",
        PreferencesViewSet.as_view({"get": "show", "put": "update"}),
        name="notification-preferences",
    ),
    *router.urls,
]
