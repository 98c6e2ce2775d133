"""Every write to client cards."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.db import IntegrityError

from clients.errors import ClientHasDeals, ClientNotFound, ContactExists
from clients.events import ActivityLogged, ClientCreated, ClientUpdated, ContactAdded
from clients.models import DEAL_KINDS, Activity, ActivityKind, Client, ClientType, Contact, name_of
from core.db import transaction
from core.errors import StaleVersion
from messaging.outbox import publish


class ClientFields(TypedDict, total=False):
    """What a manager may write on a card."""

    name: str
    type: str
    industry: str
    description: str
    email: str
    phone: str


class UserProfile(TypedDict):
    """A user's public profile as accounts tells it; a lower `version` is older news."""

    email: str
    full_name: str
    phone: str
    version: int


def open_client(*, fields: ClientFields, now: datetime) -> Client:
    """Open a card. Publishes ClientCreated."""
    with transaction("clients"):
        client = Client.objects.create(**fields, created_at=now, updated_at=now)
        publish(ClientCreated(client_id=client.id, name=client.name, type=client.type))
    return client


def update_client(
    *, client_id: UUID, changes: ClientFields, now: datetime, expected_version: int | None = None
) -> Client:
    """Change a card; a change of nothing publishes nothing. Raises ClientNotFound, StaleVersion."""
    with transaction("clients"):
        client = _lock(client_id, expected_version)
        if client.change(dict(changes), now=now):
            client.save()
            _publish_updated(client)
    return client


def delete_client(*, client_id: UUID, now: datetime, expected_version: int | None = None) -> None:
    """Hide a card behind which no deal stands. Raises ClientHasDeals, ClientNotFound, StaleVersion."""
    with transaction("clients"):
        client = _lock(client_id, expected_version)
        if Activity.objects.filter(customer_id__in=client.customer_ids, kind__in=DEAL_KINDS).exists():
            raise ClientHasDeals
        client.delete_softly(now=now)
        client.save()


def add_contact(
    *, client_id: UUID, kind: str, value: str, now: datetime, name: str = "", position: str = ""
) -> Contact:
    """Add a way to reach a client. Publishes ContactAdded. Raises ClientNotFound, ContactExists."""
    try:
        with transaction("clients"):
            client = _lock(client_id)
            contact = Contact.objects.create(
                client=client, kind=kind, value=value, name=name, position=position, created_at=now
            )
            publish(ContactAdded(client_id=client.id, contact_id=contact.id, kind=kind))
    except IntegrityError as error:
        raise ContactExists from error
    return contact


def log_activity(
    *, client_id: UUID, kind: ActivityKind, description: str, author_id: UUID, occurred_at: datetime
) -> Activity:
    """Note a call, a visit, a letter. Publishes ActivityLogged. Raises ClientNotFound."""
    with transaction("clients"):
        client = _lock(client_id)
        activity = Activity.objects.create(
            customer_id=client.id, kind=kind, description=description, author_id=author_id, occurred_at=occurred_at
        )
        publish(ActivityLogged(client_id=client.id, activity_id=activity.id, kind=kind))
    return activity


def follow_user(*, user_id: UUID, profile: UserProfile, now: datetime) -> None:
    """Open a registered user's card, or bring it up to date. Publishes ClientCreated or ClientUpdated."""
    with transaction("clients"):
        client = Client.objects.select_for_update().filter(user_id=user_id).first()
        if client is None:
            _open_for_user(user_id, profile, now)
        elif client.follow(**profile, now=now):
            client.save()
            _publish_updated(client)


def forget_user(*, user_id: UUID, now: datetime) -> None:
    """Erase the personal data of a deleted user; their deals stay. Publishes ClientUpdated."""
    with transaction("clients"):
        client = Client.objects.select_for_update().filter(user_id=user_id, erased_at__isnull=True).first()
        if client is None:
            return
        client.contacts.all().delete()
        client.erase(now=now)
        client.save()
        _publish_updated(client)


def record_activity(
    *, event_id: UUID, customer_id: UUID, kind: ActivityKind, subject_id: UUID, data: dict[str, Any], at: datetime
) -> None:
    """Write what another app told, once per (kind, subject); a deal opens its client's deleted card again."""
    activity = Activity(
        id=event_id, customer_id=customer_id, kind=kind, subject_id=subject_id, data=data, occurred_at=at
    )
    with transaction("clients"):
        Activity.objects.bulk_create([activity], ignore_conflicts=True)
        if kind in DEAL_KINDS:
            _reopen(customer_id, at)


def _reopen(customer_id: UUID, now: datetime) -> None:
    for client in Client.objects.select_for_update().of_customer(customer_id).order_by("pk"):
        if client.deleted_at is not None:
            client.reopen(now=now)
            client.save()
            _publish_updated(client)


def _open_for_user(user_id: UUID, profile: UserProfile, now: datetime) -> None:
    client = Client.objects.create(
        type=ClientType.PERSON,
        name=name_of(profile["full_name"], profile["email"]),
        email=profile["email"],
        phone=profile["phone"],
        user_id=user_id,
        user_version=profile["version"],
        created_at=now,
        updated_at=now,
    )
    publish(ClientCreated(client_id=client.id, name=client.name, type=client.type, user_id=user_id))


def _lock(client_id: UUID, expected_version: int | None = None) -> Client:
    try:
        client = Client.objects.select_for_update().present().get(pk=client_id)
    except Client.DoesNotExist as error:
        raise ClientNotFound from error
    if expected_version not in (None, client.version):
        raise StaleVersion
    return client


def _publish_updated(client: Client) -> None:
    publish(ClientUpdated(client_id=client.id, name=client.name, type=client.type, user_id=client.user_id))
