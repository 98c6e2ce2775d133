"""Django's handle on the gateway app."""

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    """Configuration of gateway."""

    name = "gateway"

    def ready(self) -> None:
        """Read input strictly."""
        from gateway.requests import plain_numbers, strict_input

        plain_numbers.install()
        strict_input.install()
