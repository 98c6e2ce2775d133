"""Django's handle on the resources app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ResourcesConfig(AppConfig):
    """Configuration of resources."""

    name = "resources"
    verbose_name = _("Resources")
