"""Every write to the cards themselves and their contacts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NotRequired, TypedDict
from uuid import UUID

from django.db import IntegrityError
from django.utils.translation import gettext as _

from clients.errors import ClientHasDeals, ContactExists
from clients.events import ClientCreated, ClientUpdated, ContactAdded
from clients.models import DEAL_KINDS, Activity, Client, ClientType, Contact, get_display_name
from clients.queries import list_customer_ids, map_accounts
from clients.rules import identifiers
from clients.services.duplicates import PHONES, pair_again, recognise
from clients.services.finding import lock_client, lock_holder
from core.db import Expected, transaction
from core.errors import InvalidInput
from core.money.requisites import fold_number, refuse_wrong_company
from messaging.outbox import publish


class ClientFields(TypedDict, total=False):
    """Fields that a manager may write on a card."""

    name: str
    type: str
    industry: str
    description: str
    email: str
    phone: str
    inn: str
    kpp: str
    ogrn: str
    address: str
    preferred_channel: str
    preferred_language: str


class ContactFields(TypedDict):
    """A way to reach a client."""

    kind: str
    value: str
    name: NotRequired[str]
    position: NotRequired[str]


class UserProfile(TypedDict):
    """A user's public profile as accounts tells it; a lower `version` is older news."""

    email: str
    full_name: str
    phone: str
    version: int


def open_client(*, fields: ClientFields, now: datetime) -> Client:
    """Open a card. Publishes ClientCreated. Raises InvalidInput."""
    client = Client(created_at=now, updated_at=now)
    client.change(_normal(fields), now=now)
    client.version = 1
    _check(client)
    with transaction("clients"):
        client.save(force_insert=True)
        recognise(client, now=now)
        publish(ClientCreated(client_id=client.id, name=client.name, type=client.type, **requisites(client)))
    return client


def update_client(
    *, client_id: UUID, changes: ClientFields, now: datetime, expected_version: Expected = None
) -> Client:
    """Change a card; a change of nothing publishes nothing. Raises ClientNotFound, InvalidInput, StaleVersion."""
    wanted = _normal(changes)
    with transaction("clients"):
        client = lock_client(client_id, expected_version)
        if client.change(wanted, now=now):
            _check(client)
            client.save()
            recognise(client, now=now)
            publish_updated(client)
    return client


def delete_client(*, client_id: UUID, now: datetime, expected_version: Expected = None) -> None:
    """Hide a card behind which no deal stands. Raises ClientHasDeals, ClientNotFound, StaleVersion."""
    with transaction("clients"):
        client = lock_client(client_id, expected_version)
        if Activity.objects.filter(customer_id__in=list_customer_ids(client), kind__in=DEAL_KINDS).exists():
            raise ClientHasDeals
        client.delete_softly(now=now)
        client.save()
        pair_again({client.id}, now=now)


def add_contact(*, client_id: UUID, contact: ContactFields, now: datetime) -> Contact:
    """Add a way to reach a client. Publishes ContactAdded. Raises ClientNotFound, ContactExists, InvalidInput."""
    if contact["kind"] in PHONES:
        contact = {**contact, "value": _phone("value", contact["value"])}
    return _save_contacts(client_id, [contact], now)[0]


def add_contacts(*, client_id: UUID, contacts: Sequence[ContactFields], now: datetime) -> list[Contact]:
    """Add several ways to reach a client at one moment, all or none. Publishes ContactAdded for each.

    Raises ClientNotFound, ContactExists, InvalidInput, which names the place: `contacts.1.value`.
    """
    read = [
        {**one, "value": _phone(f"contacts.{place}.value", one["value"])} if one["kind"] in PHONES else one
        for place, one in enumerate(contacts)
    ]
    return _save_contacts(client_id, read, now)


def _save_contacts(client_id: UUID, contacts: Sequence[Any], now: datetime) -> list[Contact]:
    try:
        with transaction("clients"):
            client = lock_holder(client_id)
            made = Contact.objects.bulk_create([Contact(client=client, **one, created_at=now) for one in contacts])
            recognise(client, now=now)
            for contact in made:
                publish(ContactAdded(client_id=client.id, contact_id=contact.id, kind=contact.kind))
    except IntegrityError as error:
        raise ContactExists from error
    return made


def follow_user(*, user_id: UUID, profile: UserProfile, now: datetime) -> None:
    """Open a registered user's card, or bring it up to date. Publishes ClientCreated or ClientUpdated."""
    with transaction("clients"):
        client = Client.objects.select_for_update(no_key=True).filter(user_id=user_id).first()
        if client is None:
            client = _open_for_user(user_id, profile, now)
        elif client.follow(**_told(profile), now=now):
            client.save()
            publish_updated(client)
        recognise(client, now=now)


def _told(profile: UserProfile) -> UserProfile:
    """A profile with its phone in the spelling of cards, where it can be read as one."""
    return {**profile, "phone": identifiers.normal_phone(profile["phone"]) or profile["phone"]}


def _open_for_user(user_id: UUID, profile: UserProfile, now: datetime) -> Client:
    profile = _told(profile)
    client = Client.objects.create(
        type=ClientType.PERSON,
        name=get_display_name(profile["full_name"], profile["email"]),
        email=profile["email"],
        phone=profile["phone"],
        user_id=user_id,
        user_version=profile["version"],
        created_at=now,
        updated_at=now,
    )
    publish(
        ClientCreated(client_id=client.id, name=client.name, type=client.type, user_id=user_id, **requisites(client))
    )
    return client


def _normal(fields: ClientFields) -> dict[str, Any]:
    """The fields as a card keeps them. Raises InvalidInput for a phone that is none."""
    wanted: dict[str, Any] = dict(fields)
    if wanted.get("phone"):
        wanted["phone"] = _phone("phone", wanted["phone"])
    for name in ("inn", "kpp", "ogrn"):
        if name in wanted:
            wanted[name] = fold_number(wanted[name])
    return wanted


def _phone(field: str, text: str) -> str:
    number = identifiers.normal_phone(text)
    if not number:
        raise InvalidInput(field, "invalid", _("Enter a phone number, such as +7 495 123-45-67."))
    return number


def _check(client: Client) -> None:
    """Numbers of the state must have right check digits, and be those of the client's type. Raises InvalidInput."""
    is_person = client.type == ClientType.PERSON
    refuse_wrong_company(inn=client.inn, kpp=client.kpp, ogrn=client.ogrn, is_person=is_person)


def publish_updated(client: Client, accounts: Mapping[UUID, UUID | None] | None = None) -> None:
    """Tell that a card changed, and whose account it is of, which is read unless it is given. Joins the transaction."""
    whose = client.user_id or (map_accounts([client.root_id]) if accounts is None else accounts)[client.id]
    told = requisites(client)
    publish(ClientUpdated(client_id=client.id, name=client.name, type=client.type, user_id=whose, **told))


def requisites(client: Client) -> dict[str, Any]:
    """Return how a client is reached, and what papers name an organisation by; a person's numbers are not told."""
    told = {"version_number": client.version, "phone": client.phone, "email": client.email}
    if client.type != ClientType.ORGANIZATION:
        return told
    return told | {name: getattr(client, name) for name in ("inn", "kpp", "ogrn", "address")}
