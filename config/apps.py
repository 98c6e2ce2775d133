"""Django's handle on the project itself."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Makes the Celery app current in every process that sends tasks."""

    name = "config"

    def ready(self) -> None:
        """Import the Celery app."""
        from config import celery  # noqa: F401  (becomes the current app)
