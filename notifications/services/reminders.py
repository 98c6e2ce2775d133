"""Reminders that notifications sets for itself."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from core.db import transaction
from messaging.delivery.timers import cancel_timers, set_timer
from notifications.events import PolicyEndsSoon

BEFORE_END = timedelta(days=30)
HANDLER = "notifications.tell_of_policy_end"


def remind_of_policy_end(
    *, policy_id: UUID, customer_id: UUID, insurance_type: str, end_date: date, now: datetime
) -> None:
    """Set the alarm for a month before a policy ends; none for a policy that is shorter."""
    due_at = datetime.combine(end_date, time(9, 0), UTC) - BEFORE_END
    if due_at <= now:
        return
    alarm = PolicyEndsSoon(
        policy_id=policy_id, customer_id=customer_id, insurance_type=insurance_type, end_date=end_date
    )
    with transaction("notifications"):
        set_timer(handler=HANDLER, event=alarm, due_at=due_at)


def cancel_policy_reminder(*, policy_id: UUID) -> None:
    """A policy that ended early ends no more."""
    with transaction("notifications"):
        cancel_timers(alias="notifications", partition_key=str(policy_id), event_type=PolicyEndsSoon.type)
