"""Django's handle on the orders app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    """Configuration of orders."""

    name = "orders"
    verbose_name = _("Orders")

    def ready(self) -> None:
        """Put changes of status, and the news that managers watch, on the live feed; drop cached orders on writes."""
        from messaging.feed import FEEDS
        from messaging.hub import carry
        from orders.queries.cache import connect_signals
        from orders.queries.feed import CARRIED, item_of

        FEEDS["orders"] = set(CARRIED)
        carry("orders", item_of)
        connect_signals()
