"""Django's handle on the project itself."""

from django.apps import AppConfig
from django.conf import settings


class ConfigConfig(AppConfig):
    """Makes the Celery app current in every process that sends tasks."""

    name = "config"

    def ready(self) -> None:
        """Import the Celery app; add the installation's gauges; declare where contracts listen."""
        from celery.signals import beat_init, worker_init

        from config import celery, checks  # noqa: F401  (becomes the current app; registers itself)
        from config.health.gauges import health_gauges
        from config.processes import jobs
        from config.processes.metrics import book_gauges, breaker_gauges
        from contracts.destinations import DESTINATIONS
        from messaging.publishing.destinations import declare
        from messaging.upkeep.metrics import add_metrics
        from messaging.upkeep.scraped import answer_scrapes

        _begin_to_tell()
        for letter in settings.CONTRACTS:
            declare(letter, DESTINATIONS.get(letter, ()))
        add_metrics(book_gauges)
        add_metrics(breaker_gauges)
        add_metrics(health_gauges)
        worker_init.connect(jobs.begin_at_zero)
        worker_init.connect(answer_scrapes)
        beat_init.connect(answer_scrapes)


def _begin_to_tell() -> None:
    """Begin to trace and to report errors, where the settings say to whom."""
    from core.running import errors, traces

    wanted = ((settings.TRACES_URL, traces.begin), (settings.ERRORS_DSN, errors.begin))
    try:
        for address, begin in wanted:
            if address:
                begin()
    except ImportError as error:
        raise SystemExit(f"autosalon: install requirements-watch.txt, or unset the address: {error}") from None
