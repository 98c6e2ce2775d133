"""Timelines: managers' entries, and what other apps tell of a client."""

from datetime import datetime
from typing import Any
from uuid import UUID

from clients.events import ActivityLogged
from clients.models import DEAL_KINDS, Activity, ActivityKind, Client
from clients.services.cards import publish_updated
from clients.services.duplicates import pair_again
from clients.services.finding import lock_holder
from core.db import transaction
from messaging.outbox import publish


def log_activity(
    *, client_id: UUID, kind: ActivityKind, description: str, author_id: UUID, occurred_at: datetime
) -> Activity:
    """Note a call, a visit, a letter. Publishes ActivityLogged. Raises ClientNotFound."""
    with transaction("clients"):
        client = lock_holder(client_id)
        activity = Activity.objects.create(
            customer_id=client.id, kind=kind, description=description, author_id=author_id, occurred_at=occurred_at
        )
        publish(ActivityLogged(client_id=client.id, activity_id=activity.id, kind=kind))
    return activity


def record_activity(
    *, event_id: UUID, customer_id: UUID, kind: ActivityKind, subject_id: UUID, data: dict[str, Any], at: datetime
) -> None:
    """Write what another app told, once per event; a deal opens its client's deleted card again."""
    activity = Activity(
        id=event_id, customer_id=customer_id, kind=kind, subject_id=subject_id, data=data, occurred_at=at
    )
    with transaction("clients"):
        Activity.objects.bulk_create([activity], ignore_conflicts=True)
        if kind in DEAL_KINDS:
            _reopen(customer_id, at)


def _reopen(customer_id: UUID, now: datetime) -> None:
    roots = {card.root_id for card in Client.objects.of_customer(customer_id).only("merged_into_id")}
    hidden = Client.objects.filter(pk__in=roots, deleted_at__isnull=False)
    for client in hidden.select_for_update(no_key=True).order_by("pk"):
        client.reopen(now=now)
        client.save()
        pair_again({client.id}, now=now)
        publish_updated(client)
