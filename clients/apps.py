"""Django's handle on the clients app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClientsConfig(AppConfig):
    """Configuration of clients."""

    name = "clients"
    verbose_name = _("Clients")
