"""Facts that clients publishes about people and organisations the dealer knows."""

from datetime import datetime
from uuid import UUID

from core.approvals import JoinCards, KnowCard, KnowCompany, KnowPerson
from core.events import Event, event, implies


@event("client.created", aggregate="client", key="client_id", personal=("name", "phone", "email", "inn", "address"))
class ClientCreated(Event):
    """A client card was opened; the requisites are an organisation's alone, phone and e-mail anybody's."""

    client_id: UUID
    name: str
    type: str
    user_id: UUID | None = None
    inn: str = ""
    kpp: str = ""
    ogrn: str = ""
    address: str = ""
    version_number: int = 0
    phone: str = ""
    email: str = ""


@event("client.updated", aggregate="client", key="client_id", personal=("name", "phone", "email", "inn", "address"))
class ClientUpdated(Event):
    """A client card changed; carries what `client.created` does."""

    client_id: UUID
    name: str
    type: str
    user_id: UUID | None = None
    inn: str = ""
    kpp: str = ""
    ogrn: str = ""
    address: str = ""
    version_number: int = 0
    phone: str = ""
    email: str = ""


@event("client.contact.added", aggregate="client", key="client_id")
class ContactAdded(Event):
    """A way to reach the client was added."""

    client_id: UUID
    contact_id: UUID
    kind: str


@event("client.activity.logged", aggregate="client", key="client_id")
class ActivityLogged(Event):
    """A manager noted a call, a visit or a letter."""

    client_id: UUID
    activity_id: UUID
    kind: str


@event("client.merged", aggregate="client", key="client_id")
class ClientMerged(Event):
    """A card stands for another one too from now on; the other's id means this client as well."""

    client_id: UUID
    other_id: UUID
    merge_id: UUID


@event("client.merge_undone", aggregate="client", key="client_id")
class ClientMergeUndone(Event):
    """Two merged cards are two clients again."""

    client_id: UUID
    other_id: UUID
    merge_id: UUID


@event("client.consent.recorded", aggregate="client", key="client_id")
class ConsentRecorded(Event):
    """A client gave (`is_given`) or withdrew a consent, at `at`."""

    client_id: UUID
    kind: str
    is_given: bool
    at: datetime
    user_id: UUID | None = None


@event("lead.opened", aggregate="lead", key="lead_id", internal=True)
class LeadOpened(Event):
    """Somebody asked; the first reply is due at `reply_due_at`."""

    lead_id: UUID
    source: str
    reply_due_at: datetime
    owner_id: UUID | None = None
    client_id: UUID | None = None


@event("lead.changed", aggregate="lead", key="lead_id", internal=True)
class LeadChanged(Event):
    """A lead was answered, moved to `stage`, given to another owner, planned or erased; a won one has its client.

    `previous` is the stage it came from, when it moved.
    """

    lead_id: UUID
    stage: str
    owner_id: UUID | None = None
    client_id: UUID | None = None
    source: str = ""
    previous: str = ""


# What these facts mean to every app whose managers may act on what is their own --------------------------------------
@implies(ClientCreated, ClientUpdated, command=KnowCard)
def know_card(fact: ClientCreated | ClientUpdated) -> KnowCard:
    """Have known whose card it is."""
    return KnowCard(card_id=fact.client_id, user_id=fact.user_id)


@implies(ClientMerged, command=JoinCards)
def join_cards(fact: ClientMerged) -> JoinCards:
    """Have known that two cards are one person's."""
    return JoinCards(card_id=fact.client_id, other_id=fact.other_id)


@implies(ClientCreated, ClientUpdated, command=KnowCompany)
def know_company(fact: ClientCreated | ClientUpdated) -> KnowCompany | None:
    """Have known what an organisation's papers name it by; a person's new card is nothing to papers of companies."""
    is_company = fact.type == "organization"
    if isinstance(fact, ClientCreated) and not is_company:
        return None
    return KnowCompany(
        client_id=fact.client_id,
        user_id=fact.user_id,
        is_company=is_company,
        version_number=fact.version_number,
        name=fact.name,
        inn=fact.inn,
        kpp=fact.kpp,
        ogrn=fact.ogrn,
        address=fact.address,
    )


@implies(ClientCreated, ClientUpdated, command=KnowPerson)
def know_person(fact: ClientCreated | ClientUpdated) -> KnowPerson:
    """Have known by what staff call and reach the client of a card: deals of those without an account name it."""
    return KnowPerson(
        person_id=fact.client_id,
        name=fact.name,
        phone=fact.phone,
        email=fact.email,
        version_number=fact.version_number,
        is_card=True,
    )
