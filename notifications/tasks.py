"""Periodic jobs of notifications."""

from celery import shared_task
from django.utils import timezone

from notifications import services


@shared_task(name="notifications.forget_old_deliveries")
def forget_old_deliveries() -> None:
    """Drop what was sent to other systems more than a month ago."""
    services.forget_old_deliveries(now=timezone.now())


@shared_task(name="notifications.send_deferred")
def send_deferred() -> None:
    """Let out what was kept for the end of quiet hours, and send the digests that are due."""
    services.send_deferred(now=timezone.now())
