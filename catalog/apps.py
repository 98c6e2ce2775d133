"""Django's handle on the catalog app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    """Configuration of catalog."""

    name = "catalog"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        """Drop what is kept of the catalogue on writes."""
        from catalog.queries.cache import connect_signals

        connect_signals()
