"""Periodic work of showroom."""

from celery import shared_task
from django.utils import timezone

from showroom import services


@shared_task(name="showroom.send_reminders")
def send_reminders() -> int:
    """Remind guests of what begins soon; running it twice reminds nobody twice."""
    return services.send_reminders(now=timezone.now())
