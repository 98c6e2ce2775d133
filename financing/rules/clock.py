"""Declare how long banks may take."""

from datetime import datetime, timedelta

from django.conf import settings


def silent_since(now: datetime) -> datetime:
    """A debit that a bank was told of before then should have been answered."""
    return now - timedelta(hours=settings.DEBIT_SILENT_HOURS)
