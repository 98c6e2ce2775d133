"""Finding cards: an id goes on meaning its client after a merge, and cards are locked before anything is decided."""

from uuid import UUID

from clients.errors import ClientNotFound
from clients.models import Client
from clients.queries import find_holder
from core.db import Expected, require_version


def lock_client(client_id: UUID, expected_version: Expected = None) -> Client:
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
    require_version(client.version, expected_version)
    return client


def lock_holder(client_id: UUID) -> Client:
    """Lock a client, and return the card on which what is new of it is kept (`find_holder`). Raises ClientNotFound."""
    root = lock_client(client_id)
    return root if client_id == root.id else find_holder(client_id)
