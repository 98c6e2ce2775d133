"""Periodic jobs of clients, and the import that an upload starts."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from clients import queries, services
from clients.services.imports import TASK

IMPORT_LIMIT_S = 3600


@shared_task(name=TASK, time_limit=IMPORT_LIMIT_S, soft_time_limit=IMPORT_LIMIT_S - 60)
def run_import(import_id: str) -> None:
    """Read one uploaded list of clients."""
    services.run_import(import_id=UUID(import_id), now=timezone.now())


@shared_task(name="clients.resume_imports", time_limit=IMPORT_LIMIT_S, soft_time_limit=IMPORT_LIMIT_S - 60)
def resume_imports() -> None:
    """Take up imports whose message was lost or whose worker died."""
    for import_id in queries.open_imports():
        services.run_import(import_id=import_id, now=timezone.now())
