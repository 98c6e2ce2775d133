"""Answer what other apps may ask about client cards."""

from uuid import UUID

from clients.errors import ClientNotFound
from clients.queries import find_account, find_client
from clients.queries.reaching import cards_reached, find_clients, find_leads, find_owners
from messaging.peering.reads import answers

__all__ = ["cards_reached", "find_clients", "find_customer", "find_leads", "find_owners"]


@answers("orders")
def find_customer(card_id: UUID) -> UUID | None:
    """Return the id under which what is sold to a client card is kept: its account's, or its own; None for no card."""
    try:
        return find_account(card_id)
    except ClientNotFound:
        return None


@answers("orders")
def find_card_name(card_id: UUID) -> str:
    """Return what a client card is called by; nothing for no card."""
    try:
        return find_client(card_id).name
    except ClientNotFound:
        return ""
