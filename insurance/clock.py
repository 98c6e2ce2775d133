"""Days of the dealership: a policy begins and ends on its dates, not on those of UTC."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings


def local_date(now: datetime) -> date:
    """The dealership's calendar day at a moment."""
    return now.astimezone(ZoneInfo(settings.DEALER_TIME_ZONE)).date()


def end_of(day: date) -> datetime:
    """The moment a day is over at the dealership."""
    return datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(settings.DEALER_TIME_ZONE))


def day_of(order_id: UUID, now: datetime) -> date:
    """The day an order was placed: a UUIDv7 begins with the milliseconds of its making (RFC 9562, 5.7)."""
    made = datetime.fromtimestamp((order_id.int >> 80) / 1000, UTC) if order_id.version == 7 else now
    return local_date(min(made, now))
