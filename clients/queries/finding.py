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
    """Find the card that a registered user is known by now; their own where that is another user's too.

    A card that stands for both is filled from both. Raises ClientNotFound.
    """
    known = Client.objects.filter(user_id=user_id).order_by("created_at").first()
    if known is None:
        raise ClientNotFound
    root = find_client(known.id)
    group = Client.objects.group(root.id)
    if not group.filter(user_id__isnull=False).exclude(user_id=user_id).exists():
        return root
    if known.deleted_at is not None:
        raise ClientNotFound
    return known


def find_account(card_id: UUID) -> UUID:
    """Return the id under which what is sold to a card is kept, so that its user sees it. Raises ClientNotFound.

    It is the user's of the card that stands for it; else its own user's, the group's only user's, or the card's own.
    """
    root = find_client(card_id)
    if root.user_id is not None:
        return root.user_id
    cards = Client.objects.group(root.id).values_list("id", "user_id")
    users = {card: user for card, user in cards if user is not None}
    if card_id in users:
        return users[card_id]
    return next(iter(users.values())) if len(users) == 1 else root.id


def list_customer_ids(client: Client) -> list[UUID]:
    """Every id under which this client's rows are kept: its cards' and its users'."""
    cards = Client.objects.group(client.root_id).values_list("id", "user_id")
    return [found for card in cards for found in card if found is not None]
