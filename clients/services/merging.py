"""Merging two cards of one client, and taking that back: nothing is moved or lost, one card only stands for both."""

from datetime import datetime
from uuid import UUID

from clients.errors import AlreadyMerged, CannotMerge, MergeNotFound, MergeUndone, NewerMerge
from clients.events import ClientMerged, ClientMergeUndone
from clients.models import Client, Merge
from clients.queries import find_client, map_accounts
from clients.services.cards import publish_updated
from clients.services.duplicates import pair_again
from clients.services.finding import lock_client
from core.db import transaction
from messaging.outbox import publish


def merge_clients(*, client_id: UUID, other_id: UUID, actor_id: UUID | None, now: datetime) -> Merge:
    """Let `client_id`'s card stand for `other_id`'s too; blanks of the first are filled from the second.

    Contacts, consents, cars, leads and the timeline of both are shown together, and both ids go on working. Of another
    account's card nothing is filled in: its user's own copy of their data would tell it. Publishes ClientMerged, and
    ClientUpdated for each card that belongs to an account since. Raises ClientNotFound, AlreadyMerged, CannotMerge.
    """
    with transaction("clients"):
        for found in sorted((find_client(client_id).id, find_client(other_id).id)):
            lock_client(found)
        kept, other = lock_client(client_id), lock_client(other_id)
        _check(kept, other)
        before = map_accounts([kept.id, other.id])
        moved = list(Client.objects.filter(merged_into=other).order_by("pk").values_list("pk", flat=True))
        Client.objects.filter(pk__in=moved).update(merged_into=kept)
        filled = kept.fill(other, now=now) if _may_share(before, kept, other) else {}
        kept.save()
        other.merge_into(kept, now=now)
        other.save()
        merge = Merge.objects.create(
            kept=kept,
            other=other,
            moved=[str(found) for found in moved],
            filled=filled,
            merged_by=actor_id,
            merged_at=now,
        )
        pair_again({kept.id, other.id}, now=now)
        publish(ClientMerged(client_id=kept.id, other_id=other.id, merge_id=merge.id))
        _publish_accounts(before, [kept.id])
    return merge


def undo_merge(*, merge_id: UUID, actor_id: UUID | None, now: datetime) -> Merge:
    """Part two merged cards again, each with what it had.

    Publishes ClientMergeUndone, and ClientUpdated for each card that belongs to another account, or to none, since.

    Merges may be undone in any order: what a card that goes had filled, one that stays may fill now. Raises
    MergeNotFound, MergeUndone, and NewerMerge while the kept card itself stands merged into another.
    """
    with transaction("clients"):
        merge = Merge.objects.select_for_update().filter(pk=merge_id).first()
        if merge is None:
            raise MergeNotFound
        if merge.undone_at is not None:
            raise MergeUndone
        cards = Client.objects.select_for_update(no_key=True).filter(pk__in=[merge.kept_id, merge.other_id])
        both = {card.id: card for card in cards.order_by("pk")}
        kept, other = both[merge.kept_id], both[merge.other_id]
        if kept.merged_into_id is not None:
            raise NewerMerge
        before = map_accounts([kept.id])
        other.part(now=now)
        other.save()
        Client.objects.filter(pk__in=merge.moved, merged_into=kept).update(merged_into=other)
        merge.undone_at, merge.undone_by = now, actor_id
        merge.save()
        kept.unfill(merge.filled, now=now)
        _fill_again(kept, now)
        kept.save()
        pair_again({kept.id, other.id}, now=now)
        publish(ClientMergeUndone(client_id=kept.id, other_id=other.id, merge_id=merge.id))
        _publish_accounts(before, [kept.id, other.id])
    return merge


def _may_share(accounts: dict[UUID, UUID | None], kept: Client, other: Client) -> bool:
    """Tell whether one card may be filled from another: not if they belong to two accounts."""
    return len({accounts[kept.id], accounts[other.id]} - {None}) < 2


def _publish_accounts(before: dict[UUID, UUID | None], root_ids: list[UUID]) -> None:
    """Tell of each card that belongs to another account than before, or to none."""
    moved = {card: user for card, user in map_accounts(root_ids).items() if user != before[card]}
    for card in Client.objects.filter(pk__in=moved).order_by("pk"):
        publish_updated(card, moved)


def _fill_again(kept: Client, now: datetime) -> None:
    """Let the cards that still stand merged into a locked one fill its blanks, in the order in which they came."""
    accounts = map_accounts([kept.id])
    standing = Merge.objects.select_for_update(of=("self",)).filter(kept=kept, undone_at__isnull=True)
    for merge in standing.select_related("other").order_by("merged_at", "id"):
        if not _may_share(accounts, kept, merge.other):
            continue
        if taken := kept.fill(merge.other, now=now):
            merge.filled |= taken
            merge.save(update_fields=["filled"])


def _check(kept: Client, other: Client) -> None:
    if kept.id == other.id:
        raise AlreadyMerged
    if kept.type != other.type:
        raise CannotMerge(reason="different_types")
    if kept.erased_at or other.erased_at:
        raise CannotMerge(reason="erased")
