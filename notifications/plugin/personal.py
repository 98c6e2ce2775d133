"""Declare what notifications holds of a person, and what erasure leaves of it."""

from uuid import UUID

import msgspec

from accounts.events import UserDeleted
from core.db import transaction
from messaging.people.classified import forgets, plain
from messaging.people.personal import delete, erase, holds, without_personal
from messaging.subscriptions import subscribe
from notifications.models import Notification, Recipient, WebhookAttempt, WebhookDelivery, WebhookEndpoint

holds(Notification, owner="user_id", erase=delete)


def forget_in_bodies(user_id: UUID) -> None:
    """Blank a person in what is kept, and may yet be sent, of webhooks."""
    named = WebhookDelivery.objects.extra(where=["position(%s::bytea in body) > 0"], params=[str(user_id).encode()])
    for delivery in named.select_for_update():
        body = msgspec.json.decode(bytes(delivery.body))
        body["data"] = without_personal(delivery.event_type, body["data"])
        delivery.body = msgspec.json.encode(body)
        delivery.save(update_fields=["body"])


forgets(Recipient, "email phone full_name roles", by="notifications.services.forget_recipient")
plain(Recipient, "time_zone")
plain(WebhookEndpoint, "url events description secret previous_secret")
plain(WebhookDelivery, "event_type subject")
forgets(WebhookDelivery, "body", by="notifications.plugin.personal.forget_in_bodies")
plain(WebhookAttempt, "error response_excerpt")


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what notifications and its log tell of a person; rows of money and their ids stay."""
    with transaction("notifications"):
        erase("notifications", event.user_id)
        forget_in_bodies(event.user_id)
