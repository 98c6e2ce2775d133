"""Django's handle on the storefront app."""

from django.apps import AppConfig


class StorefrontConfig(AppConfig):
    """Configuration of storefront."""

    name = "storefront"

    def ready(self) -> None:
        """Tell scrapes what waits for people, as the board does."""
        from messaging.upkeep.metrics import add_metrics
        from storefront.shown.stuck import attention_gauges

        add_metrics(attention_gauges, app="storefront")
