"""Find the card of a client."""

from uuid import UUID

from clients.errors import ClientNotFound
from clients.models import Client


def find_client(client_id: UUID) -> Client:
    """The card that stands for an id now. Raises ClientNotFound."""
    known = Client.objects.select_related("merged_into").filter(pk=client_id).first()
    client = known and (known.merged_into or known)
    if client is None or client.deleted_at is not None:
        raise ClientNotFound
    return client


def find_own_card(user_id: UUID) -> Client:
    """The card that a registered user is known by now. Raises ClientNotFound."""
    known = Client.objects.filter(user_id=user_id).order_by("created_at").first()
    if known is None:
        raise ClientNotFound
    return find_client(known.id)


def list_customer_ids(client: Client) -> list[UUID]:
    """Every id under which this client's rows are kept: its cards' and its users'."""
    cards = Client.objects.group(client.root_id).values_list("id", "user_id")
    return [found for card in cards for found in card if found is not None]
