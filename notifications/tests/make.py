"""Notifications for tests, made the way the product makes them."""

from typing import Any
from uuid import UUID

from django.utils import timezone

from core.ids import uuid7
from notifications import services
from notifications.models import Kind, Notification, WebhookEndpoint


def recipient(user_id: UUID | None = None, email: str = "anna@example.com", version: int = 1, **profile: Any) -> UUID:
    """A person whose address is known."""
    user_id = user_id or uuid7()
    services.store_recipient(
        user_id=user_id, email=email, full_name="Anna", version=version, now=timezone.now(), **profile
    )
    return user_id


def news(user_id: UUID, *, event_key: str = "", kind: Kind = Kind.ORDER, **data: Any) -> list[Notification]:
    """News of an order, or of something else."""
    key = event_key or str(uuid7())
    told = data or {"number": "A-1", "status": "paid", "order_id": str(uuid7())}
    services.notify(event_key=key, kind=kind, user_ids=[user_id], data=told, now=timezone.now())
    return list(Notification.objects.filter(event_key=key, user_id=user_id).order_by("channel"))


def webhook(url: str = "https://hooks.example/", *events: str, owner: UUID | None = None) -> WebhookEndpoint:
    """A receiver, of everything unless told."""
    fields: services.WebhookFields = {"url": url, "events": list(events) or ["*"]}
    return services.register_webhook(owner_id=owner or uuid7(), fields=fields, now=timezone.now())
