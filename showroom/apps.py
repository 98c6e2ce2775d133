"""Django's handle on the showroom app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ShowroomConfig(AppConfig):
    """Configuration of showroom."""

    name = "showroom"
    verbose_name = _("Showroom")
