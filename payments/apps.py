"""Django's handle on the payments app."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """Configuration of payments."""

    name = "payments"
