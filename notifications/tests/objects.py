"""Make one object of each kind of notifications for a given user, for the table of permissions."""

from uuid import UUID

from django.utils import timezone

from core.ids import uuid7
from notifications.models import WebhookDelivery
from notifications.tests import make
from tests.permissions.objects import Ids, made_by


@made_by("/webhooks")
def webhook(owner: UUID) -> Ids:
    return [str(make.webhook().id)]


@made_by("/deliveries")
def delivery(owner: UUID) -> Ids:
    now = timezone.now()
    made = WebhookDelivery.objects.create(
        endpoint=make.webhook(),
        event_id=uuid7(),
        event_type="order.created",
        body=b"{}",
        next_attempt_at=now,
        created_at=now,
    )
    return [str(made.id)]


@made_by("/notifications")
def notification(owner: UUID) -> Ids:
    make.recipient(owner)
    return [str(next(one for one in make.news(owner) if one.channel == "in_app").id)]
