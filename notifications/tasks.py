"""Periodic jobs of notifications."""

from celery import shared_task
from django.utils import timezone

from notifications import services


@shared_task(name="notifications.forget_old_deliveries")
def forget_old_deliveries() -> None:
    """Drop what was sent to other systems more than a month ago."""
    services.forget_old_deliveries(now=timezone.now())
