"""Finding cards: an id goes on meaning its client after a merge, and cards are locked before anything is decided."""

from uuid import UUID

from clients.errors import ClientNotFound
from clients.models import Client
from core.errors import StaleVersion


def lock_client(client_id: UUID, expected_version: int | None = None) -> Client:
    """The locked card that stands for an id now. Raises ClientNotFound, StaleVersion.

    Cards are locked so that rows pointing to them can still be added: whoever adds one never waits for a card's writer.
    """
    while True:
        known = Client.objects.filter(pk=client_id).only("merged_into_id").first()
        if known is None:
            raise ClientNotFound
        client = Client.objects.select_for_update(no_key=True).get(pk=known.root_id)
        if client.merged_into_id is None:
            break
    if client.deleted_at is not None:
        raise ClientNotFound
    if expected_version not in (None, client.version):
        raise StaleVersion
    return client


def find_client(client_id: UUID) -> Client:
    """The card that stands for an id now. Raises ClientNotFound."""
    known = Client.objects.select_related("merged_into").filter(pk=client_id).first()
    client = known and (known.merged_into or known)
    if client is None or client.deleted_at is not None:
        raise ClientNotFound
    return client


def customer_ids_of(client: Client) -> list[UUID]:
    """Every id under which this client's rows are kept: its cards' and its users'."""
    cards = Client.objects.group(client.root_id).values_list("id", "user_id")
    return [found for card in cards for found in card if found is not None]
