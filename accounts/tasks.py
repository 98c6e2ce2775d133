"""Periodic jobs of accounts."""

from celery import shared_task
from django.utils import timezone

from accounts import services


@shared_task(name="accounts.restore_revocations")
def restore_revocations() -> int:
    """Tell Valkey again which access tokens are refused, in case it forgot; every minute."""
    services.push_key_revocations(now=timezone.now())
    return services.push_revocations(now=timezone.now())


@shared_task(name="accounts.end_closings")
def end_closings() -> int:
    """Let those stay whose erasure was broken off; every minute."""
    return services.end_closings(now=timezone.now())


@shared_task(name="accounts.keep_erasures")
def maintain_erasures() -> int:
    """Erase again whom a restored backup brought back; every hour."""
    return services.maintain_erasures(now=timezone.now()).erased


@shared_task(name="accounts.publish_api_keys")
def publish_api_keys() -> int:
    """Renew the tokens that API keys stand for, and restore what Valkey lost; every ten seconds."""
    return services.publish_api_keys(now=timezone.now())


@shared_task(name="accounts.purge_sessions")
def purge_sessions() -> int:
    """Drop sessions and spent tokens that can never be used again, old activity and old mailboxes; every night."""
    services.purge_activity(now=timezone.now())
    services.forget_former_emails(now=timezone.now())
    services.purge_exports(now=timezone.now())
    return services.purge_expired(now=timezone.now())
