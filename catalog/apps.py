"""Django's handle on the catalog app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    """Configuration of catalog."""

    name = "catalog"
    verbose_name = _("Catalogue")
