"""Django's handle on the gateway app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GatewayConfig(AppConfig):
    """Configuration of gateway."""

    name = "gateway"
    verbose_name = _("Audit and switches")

    def ready(self) -> None:
        """Read input strictly."""
        from gateway.requests import plain_numbers, strict_input

        plain_numbers.install()
        strict_input.install()
