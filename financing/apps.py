"""Django's handle on the financing app."""

from django.apps import AppConfig


class FinancingConfig(AppConfig):
    """Configuration of financing."""

    name = "financing"
