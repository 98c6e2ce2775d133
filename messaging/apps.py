"""Django's handle on the messaging app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class MessagingConfig(AppConfig):
    """Finds every app's handlers, so that the registry is whole before the first event moves."""

    name = "messaging"
    verbose_name = _("Deliveries of events")

    def ready(self) -> None:
        """Connect the outbox and import the `handlers`, `operations`, `copies` and `personal` of every app."""
        from messaging import outbox  # noqa: F401  (connects its receiver)

        autodiscover_modules("handlers", "operations", "copies", "personal")
