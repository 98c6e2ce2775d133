"""Periodic jobs of the catalogue, and the import that an upload starts."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from catalog import queries, services
from catalog.services.import_runs import TASK
from core.db import database_now

IMPORT_LIMIT_S = 3600


@shared_task(name="catalog.release_expired_reservations")
def release_expired_reservations() -> None:
    """Put goods whose hold has run out back on sale; whoever needs them sooner does so by themselves."""
    services.release_expired_reservations(now=database_now("catalog"))


@shared_task(name=TASK, time_limit=IMPORT_LIMIT_S, soft_time_limit=IMPORT_LIMIT_S - 60)
def run_import(import_id: str) -> None:
    """Read one uploaded price list."""
    services.run_import(import_id=UUID(import_id), now=timezone.now())


@shared_task(name="catalog.resume_imports", time_limit=IMPORT_LIMIT_S, soft_time_limit=IMPORT_LIMIT_S - 60)
def resume_imports() -> None:
    """Take up imports whose message was lost or whose worker died."""
    for import_id in queries.open_imports():
        services.run_import(import_id=import_id, now=timezone.now())


@shared_task(name="catalog.apply_scheduled_prices")
def apply_scheduled_prices() -> None:
    """Let the prices hold whose moment has come."""
    services.apply_scheduled_prices(now=database_now("catalog"))


@shared_task(name="catalog.fold_facets")
def fold_facets() -> None:
    """Fold changed products into the bits of facets; until then they are counted one by one."""
    services.fold_facets()


@shared_task(name="catalog.match_saved_searches")
def match_saved_searches() -> None:
    """Tell clients of the new cars they are looking for."""
    services.match_saved_searches(now=database_now("catalog"))
