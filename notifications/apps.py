"""Django's handle on the notifications app."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Configuration of notifications."""

    name = "notifications"
