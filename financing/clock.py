"""Days of the dealership: a date is a local matter, a moment is not."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings


def local_date(now: datetime) -> date:
    """The dealership's calendar day at a moment."""
    return now.astimezone(ZoneInfo(settings.DEALER_TIME_ZONE)).date()


def silent_since(now: datetime) -> datetime:
    """A debit that a bank was told of before then should have been answered."""
    return now - timedelta(hours=settings.DEBIT_SILENT_HOURS)
