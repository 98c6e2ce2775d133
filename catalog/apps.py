"""Django's handle on the catalog app."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Configuration of catalog."""

    name = "catalog"
