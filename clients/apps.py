"""Django's handle on the clients app."""

from django.apps import AppConfig


class ClientsConfig(AppConfig):
    """Configuration of clients."""

    name = "clients"
