"""Periodic jobs of orders."""

from celery import shared_task
from django.utils import timezone

from orders import services


@shared_task(name="orders.attend_checkouts")
def attend_checkouts() -> None:
    """Park checkouts whose news cannot be taken in, should the process that found out have died; every minute."""
    services.attend_checkouts(now=timezone.now())


@shared_task(name="orders.fold_stats")
def fold_stats() -> None:
    """Fold what was sold since into the roll-ups; every minute."""
    services.fold_stats()


@shared_task(name="orders.purge_carts")
def purge_carts() -> int:
    """Delete carts that nobody came back to; every night."""
    return services.purge_carts(now=timezone.now())
