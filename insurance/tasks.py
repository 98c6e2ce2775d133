"""Periodic jobs of insurance."""

from celery import shared_task
from django.utils import timezone

from insurance import services

COLLECTION_LIMIT_S = 3000


@shared_task(name="insurance.collect_premiums", time_limit=COLLECTION_LIMIT_S, soft_time_limit=COLLECTION_LIMIT_S - 60)
def collect_premiums() -> None:
    """Remind of instalments, charge them, and suspend what is not paid for."""
    services.collect_premiums(now=timezone.now())
