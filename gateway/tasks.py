"""Periodic jobs of the plumbing at the edge."""

from celery import shared_task

from core.db import database_now
from gateway.approvals import expire_due


@shared_task(name="gateway.expire_approvals")
def expire_approvals(alias: str) -> int:
    """End the requests of one database that nobody decided in time; every five minutes."""
    return expire_due(alias, now=database_now(alias))
