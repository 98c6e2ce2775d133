"""Periodic jobs of orders."""

from celery import shared_task

from core.db import database_now
from orders import services


@shared_task(name="orders.attend_checkouts")
def attend_checkouts() -> None:
    """Park checkouts whose news cannot be taken in, should the process that found out have died; every minute."""
    services.attend_checkouts(now=database_now("orders"))


@shared_task(name="orders.fold_stats")
def fold_stats() -> None:
    """Fold what was sold since into the roll-ups; every minute."""
    services.fold_stats()


@shared_task(name="orders.purge_carts")
def purge_carts() -> int:
    """Delete carts that nobody came back to; every night."""
    return services.purge_carts(now=database_now("orders"))


@shared_task(name="orders.purge_deal_quotes")
def purge_deal_quotes() -> int:
    """Delete calculations of deals that nobody signed in for or ordered, after their time; every night."""
    return services.purge_deal_quotes(now=database_now("orders"))


@shared_task(name="orders.expire_offers")
def expire_offers() -> int:
    """End written offers whose last day is past; every five minutes."""
    return services.expire_offers(now=database_now("orders"))


@shared_task(name="orders.ask_for_freed_cars")
def ask_for_freed_cars() -> int:
    """Offer free cars whose queues heard nothing of it, or could not have them kept before; every minute."""
    return services.ask_for_freed_cars(now=database_now("orders"))


@shared_task(name="orders.remind_of_handovers")
def remind_of_handovers() -> int:
    """Remind buyers of hand-overs that begin soon; every five minutes."""
    return services.remind_of_handovers(now=database_now("orders"))
