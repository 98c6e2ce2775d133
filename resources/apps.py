"""Django's handle on the resources app."""

from django.apps import AppConfig


class ResourcesConfig(AppConfig):
    """Configuration of resources."""

    name = "resources"
