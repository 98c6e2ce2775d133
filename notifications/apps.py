"""Django's handle on the notifications app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """Configuration of notifications."""

    name = "notifications"
    verbose_name = _("Notifications")
