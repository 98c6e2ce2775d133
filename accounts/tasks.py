"""Periodic jobs of accounts."""

from celery import shared_task
from django.utils import timezone

from accounts import services


@shared_task(name="accounts.restore_revocations")
def restore_revocations() -> int:
    """Tell Valkey again which access tokens are refused, in case it forgot; every minute."""
    return services.push_revocations(now=timezone.now())


@shared_task(name="accounts.purge_sessions")
def purge_sessions() -> int:
    """Drop sessions and spent tokens that can never be used again; every night."""
    return services.purge_expired(now=timezone.now())
