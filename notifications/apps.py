"""Django's handle on the notifications app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """Configuration of notifications."""

    name = "notifications"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        """Put what readers are told, and read, on the live feed; count attempts at webhooks for Prometheus."""
        from messaging.feed import FEEDS
        from messaging.hub import carry
        from messaging.metrics import add_metrics
        from notifications.queries.feed import CARRIED, item_of
        from notifications.services.counters import webhook_counters

        FEEDS["notifications"] = set(CARRIED)
        carry("notifications", item_of)
        add_metrics(webhook_counters)
