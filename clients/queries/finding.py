"""Find the card of a client, and whose account a card is of."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q

from clients.errors import ClientNotFound
from clients.models import Client, Merge


def find_client(client_id: UUID) -> Client:
    """The card that stands for an id now. Raises ClientNotFound."""
    known = Client.objects.select_related("merged_into").filter(pk=client_id).first()
    client = known and (known.merged_into or known)
    if client is None or client.deleted_at is not None:
        raise ClientNotFound
    return client


def find_holder(client_id: UUID) -> Client:
    """Return the card on which what is new of a client is kept: the one that stands for an id, if it is not another's.

    So what is written of one of two merged accounts never becomes the other's. Raises ClientNotFound.
    """
    root = find_client(client_id)
    if client_id == root.id:
        return root
    accounts = map_accounts([root.id])
    return root if accounts[client_id] == accounts[root.id] else Client.objects.get(pk=client_id)


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

    It is the account that the card belongs to; the card itself where it has none of its own and stands for several.
    """
    root = find_client(card_id)
    accounts = map_accounts([root.id])
    is_shared = card_id == root.id and root.user_id is None and len(set(accounts.values())) > 1
    return root.id if is_shared else accounts[card_id] or root.id


def map_accounts(root_ids: Collection[UUID]) -> dict[UUID, UUID | None]:
    """Return whose account each card belongs to, of all cards that these stand for; None: nobody's.

    A card without an account is of the one that it was first merged with, by the merges that stand; so merging two
    accounts gives neither what is the other's.
    """
    cards = Client.objects.filter(Q(id__in=root_ids) | Q(merged_into_id__in=root_ids)).values_list("id", "user_id")
    accounts: dict[UUID, UUID | None] = dict(cards)
    groups = {card: [card] for card in accounts}
    standing = Merge.objects.filter(other_id__in=accounts, undone_at__isnull=True) if len(accounts) > 1 else ()
    for merge in sorted(standing, key=lambda one: (one.merged_at, one.id)):
        kept, other = groups[merge.kept_id], groups[merge.other_id]
        for side, account in ((kept, accounts[merge.other_id]), (other, accounts[merge.kept_id])):
            accounts.update({card: account for card in side if accounts[card] is None})
        kept += other
    return accounts


def list_own_cards(user_id: UUID) -> list[UUID]:
    """List the cards that belong to an account: its own, and those merged with it that are no other account's."""
    known = Client.objects.filter(user_id=user_id).first()
    accounts = map_accounts([known.root_id]) if known else {}
    return [card for card, account in accounts.items() if account == user_id]


def list_customer_ids(client: Client) -> list[UUID]:
    """Every id under which this client's rows are kept: its cards' and its users'."""
    cards = Client.objects.group(client.root_id).values_list("id", "user_id")
    return [found for card in cards for found in card if found is not None]
