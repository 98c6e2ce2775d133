"""Django's handle on the gateway app."""

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    """Configuration of gateway."""

    name = "gateway"
