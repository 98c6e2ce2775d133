"""Facts of notifications for itself: the live feed of each reader, receivers switched off, and alarms."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from core.events import Event, event


@event("notification.told", aggregate="reader", key="user_id", internal=True, personal=("title", "body"))
class NotificationTold(Event):
    """Somebody was told something in the app; its `sequence` is the `seq` of their live feed, counted from 1."""

    user_id: UUID
    notification_id: UUID
    kind: str
    title: str
    body: str
    created_at: datetime
    data: dict[str, Any] = {}


@event("notification.read", aggregate="reader", key="user_id", internal=True)
class NotificationRead(Event):
    """Somebody read what they were told, for the first time."""

    user_id: UUID
    notification_id: UUID
    read_at: datetime


@event("webhook.disabled", aggregate="webhook", key="webhook_id", internal=True)
class WebhookDisabled(Event):
    """Nothing is sent to a receiver any more. `reason`: gone (it answered 410) or failing (for five days)."""

    webhook_id: UUID
    url: str
    owner_id: UUID
    reason: str


@event("insurance.ends_soon", aggregate="policy", key="policy_id", internal=True)
class PolicyEndsSoon(Event):
    """A policy ends within a month: the alarm of notifications, set when the policy is issued."""

    policy_id: UUID
    customer_id: UUID
    insurance_type: str
    end_date: date
