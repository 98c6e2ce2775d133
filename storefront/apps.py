"""Django's handle on the storefront app."""

from django.apps import AppConfig


class StorefrontConfig(AppConfig):
    """Configuration of storefront."""

    name = "storefront"
