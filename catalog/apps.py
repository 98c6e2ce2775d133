"""Django's handle on the catalog app."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Configuration of catalog."""

    name = "catalog"

    def ready(self) -> None:
        """Drop what is kept of the catalogue on writes."""
        from catalog.cache import connect_signals

        connect_signals()
