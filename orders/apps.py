"""Django's handle on the orders app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    """Configuration of orders."""

    name = "orders"
    verbose_name = _("Orders")
