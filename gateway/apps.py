"""Django's handle on the gateway app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class GatewayConfig(AppConfig):
    """Configuration of gateway."""

    name = "gateway"

    def ready(self) -> None:
        """Import the `approvals` of every app: what gives value away, and who must agree; read plain numbers only."""
        from gateway import plain_numbers

        plain_numbers.install()
        autodiscover_modules("approvals")
