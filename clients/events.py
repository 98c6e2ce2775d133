"""Facts that clients publishes about people and organisations the dealer knows."""

from uuid import UUID

from core.events import Event, event


@event("client.created", aggregate="client", key="client_id", personal=("name",))
class ClientCreated(Event):
    """A client card was opened."""

    client_id: UUID
    name: str
    type: str
    user_id: UUID | None = None


@event("client.updated", aggregate="client", key="client_id", personal=("name",))
class ClientUpdated(Event):
    """A client card changed."""

    client_id: UUID
    name: str
    type: str
    user_id: UUID | None = None


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
