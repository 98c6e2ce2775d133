"""Django's handle on the messaging app."""

from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class MessagingConfig(AppConfig):
    """Finds every app's handlers, so that the registry is whole before the first event moves."""

    name = "messaging"
    verbose_name = _("Deliveries of events")

    def ready(self) -> None:
        """Connect the outbox, import what every app declares to messaging, and refuse a layout that cannot work."""
        from messaging import outbox  # noqa: F401  (connects its receiver)
        from messaging.reads import layout_problems

        autodiscover_modules("commands", "events")
        autodiscover_modules("handlers", "operations", "copies", "personal", "public")
        if wrong := layout_problems(settings.SERVICES):
            raise SystemExit("\n  ".join(["autosalon: AUTOSALON_SERVICES cannot work alone", *wrong]))
