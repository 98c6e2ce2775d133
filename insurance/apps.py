"""Django's handle on the insurance app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InsuranceConfig(AppConfig):
    """Configuration of insurance."""

    name = "insurance"
    verbose_name = _("Insurance")
