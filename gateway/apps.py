"""Django's handle on the gateway app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class GatewayConfig(AppConfig):
    """Configuration of gateway."""

    name = "gateway"

    def ready(self) -> None:
        """Import the `approvals` of every app: what gives value away, and who must agree; read input strictly."""
        from gateway import plain_numbers, strict_input

        plain_numbers.install()
        strict_input.install()
        autodiscover_modules("approvals")
