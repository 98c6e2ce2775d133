"""Django's handle on the messaging app."""

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.plugins import plugins


class MessagingConfig(AppConfig):
    """Reads what every app plugs in, so that the registries are whole before the first event moves."""

    name = "messaging"
    verbose_name = _("Deliveries of events")

    def ready(self) -> None:
        """Connect the outbox, read every app's plugin, and refuse a layout that cannot work."""
        from messaging import outbox  # noqa: F401  (connects its receiver)
        from messaging.feeds.feed import FEEDS
        from messaging.feeds.hub import carry
        from messaging.peering.reads import layout_problems
        from messaging.upkeep.metrics import add_metrics

        for app, plugin in plugins().items():
            if plugin.feed:
                FEEDS[app] = set(plugin.feed.carries)
                carry(app, plugin.feed.read)
            for source in plugin.metrics:
                add_metrics(source, app=app)
            for connect in plugin.connect:
                connect()
        if wrong := layout_problems(settings.SERVICES):
            raise SystemExit("\n  ".join(["autosalon: AUTOSALON_SERVICES cannot work alone", *wrong]))
