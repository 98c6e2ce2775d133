"""The day an order was placed, as its id tells it."""

from datetime import UTC, date, datetime
from uuid import UUID

from core.clock import dealer_day


def get_order_day(order_id: UUID, now: datetime) -> date:
    """The day an order was placed: a UUIDv7 begins with the milliseconds of its making (RFC 9562, 5.7)."""
    made = datetime.fromtimestamp((order_id.int >> 80) / 1000, UTC) if order_id.version == 7 else now
    return dealer_day(min(made, now))
