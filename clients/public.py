"""Answer what other apps may ask about client cards."""

from uuid import UUID

from clients.errors import ClientNotFound
from clients.queries import find_client
from messaging.peering.reads import answers


@answers("orders")
def find_customer(card_id: UUID) -> UUID | None:
    """Return the id under which what is sold to a client card is kept: its account's, or its own; None for no card."""
    try:
        card = find_client(card_id)
    except ClientNotFound:
        return None
    return card.user_id or card.id
