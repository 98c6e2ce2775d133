"""Client cards for tests, made the way the product makes them."""

from typing import Any
from uuid import UUID

from django.utils import timezone

from clients import services
from clients.models import (
    Activity,
    ActivityKind,
    Client,
    Consent,
    ConsentKind,
    ConsentSource,
    Contact,
    Duplicate,
    Lead,
    Merge,
    Vehicle,
)
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
    return services.add_contact(client_id=client.id, contact={"kind": "phone", "value": value}, now=timezone.now())


def activity(client: Client, kind: ActivityKind = ActivityKind.CALL) -> Activity:
    """A manager's entry."""
    return services.log_activity(
        client_id=client.id, kind=kind, description="Called", author_id=uuid7(), occurred_at=timezone.now()
    )


def deal(customer_id: UUID, **data: str) -> None:
    """Record what orders would tell of an order."""
    services.record_activity(
        event_id=uuid7(),
        customer_id=customer_id,
        kind=ActivityKind.ORDER_CREATED,
        subject_id=uuid7(),
        data={"number": "A-1"} | data,
        at=timezone.now(),
    )


def consent(client: Client, kind: str = "marketing", *, is_given: bool = True) -> Consent:
    """A signed paper."""
    now = timezone.now()
    return services.record_consent(
        client_id=client.id,
        kind=ConsentKind(kind),
        is_given=is_given,
        source=ConsentSource.PAPER,
        at=now,
        actor_id=uuid7(),
        now=now,
    )


def vehicle(client: Client, vin: str = "XTA210930Y2696785") -> Vehicle:
    """A car entered by hand."""
    return services.add_vehicle(client_id=client.id, vin=vin, name="LADA 2109", now=timezone.now())


def lead(**fields: Any) -> Lead:
    """An enquiry by phone."""
    known = {"name": "Vera", "phone": "+79161112233", "source": "phone"}
    return services.open_lead(fields={**known, **fields}, now=timezone.now())


def duplicates() -> Duplicate:
    """Two cards with one phone."""
    for name in ("Anna", "Anna Ivanova"):
        client(name=name, type="person", phone="+79995554433")
    return Duplicate.objects.get()


def merge(kept: Client | None = None, other: Client | None = None) -> Merge:
    """Two cards made one."""
    return services.merge_clients(
        client_id=(kept or client()).id, other_id=(other or client()).id, actor_id=uuid7(), now=timezone.now()
    )
