"""Django's handle on the project itself."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Makes the Celery app current in every process that sends tasks."""

    name = "config"

    def ready(self) -> None:
        """Import the Celery app; add the installation's gauges."""
        from config import celery, checks  # noqa: F401  (becomes the current app; registers itself)
        from config.health.gauges import health_gauges
        from config.processes.metrics import book_gauges, breaker_gauges
        from messaging.upkeep.metrics import add_metrics

        add_metrics(book_gauges)
        add_metrics(breaker_gauges)
        add_metrics(health_gauges)
