"""Client cards for tests, made the way the product makes them."""

from typing import Any
from uuid import UUID

from django.utils import timezone

from clients import services
from clients.models import Activity, ActivityKind, Client, Contact
from core.ids import uuid7


def client(**fields: Any) -> Client:
    """A manager's card."""
    return services.open_client(fields={"name": "Romashka", "type": "organization", **fields}, now=timezone.now())


def user_client(user_id: UUID | None = None, **profile: Any) -> Client:
    """The card of a registered user."""
    user_id = user_id or uuid7()
    known = {"email": "anna@example.com", "full_name": "Anna Ivanova", "phone": "+79991234567", "version": 1}
    services.follow_user(user_id=user_id, profile={**known, **profile}, now=timezone.now())
    return Client.objects.get(user_id=user_id)


def contact(client: Client, value: str = "+79990000000") -> Contact:
    """A phone number."""
    return services.add_contact(client_id=client.id, kind="phone", value=value, now=timezone.now())


def activity(client: Client, kind: ActivityKind = ActivityKind.CALL) -> Activity:
    """A manager's entry."""
    return services.log_activity(
        client_id=client.id, kind=kind, description="Called", author_id=uuid7(), occurred_at=timezone.now()
    )


def deal(customer_id: UUID) -> None:
    """What orders would tell of an order."""
    services.record_activity(
        event_id=uuid7(),
        customer_id=customer_id,
        kind=ActivityKind.ORDER_CREATED,
        subject_id=uuid7(),
        data={"number": "A-1"},
        at=timezone.now(),
    )
