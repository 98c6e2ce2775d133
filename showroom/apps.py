"""Django's handle on the showroom app."""

from django.apps import AppConfig


class ShowroomConfig(AppConfig):
    """Configuration of showroom."""

    name = "showroom"
