"""Django's handle on the financing app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FinancingConfig(AppConfig):
    """Configuration of financing."""

    name = "financing"
    verbose_name = _("Financing")
