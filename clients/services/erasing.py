"""Erasing a person: every card of theirs forgets who it was, and what the cards took over from one another."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from clients.models import Client, ClientKey, Consent, Contact, Duplicate, Merge, Vehicle
from clients.queries import map_accounts
from clients.services.cards import publish_updated
from clients.services.leads import forget_leads
from core.db import transaction
from messaging.people.departures import let_history_forget
from messaging.people.personal import forget_answers


def forget_user(*, user_id: UUID, now: datetime) -> None:
    """Erase the personal data of a deleted user; their deals stay.

    Publishes ClientUpdated for each card, and LeadChanged for each lead.

    Cards merged with the user's are the same person's and are erased too, save those that belong to another account.
    """
    with transaction("clients"):
        known = Client.objects.filter(user_id=user_id, erased_at__isnull=True).first()
        if known is None:
            return
        let_history_forget("clients")
        forget_answers("clients", user_id)
        group = Client.objects.group(known.root_id).select_for_update(no_key=True).order_by("pk")
        accounts = map_accounts([known.root_id])
        theirs = [card for card in group if accounts[card.id] == user_id]
        _take_back(theirs, [card for card in group if accounts[card.id] != user_id], now)
        Vehicle.objects.filter(customer_id__in=[user_id, *(card.id for card in theirs)]).delete()
        forget_leads(theirs, now=now)
        for card in theirs:
            _forget(card, accounts, now)


def _take_back(erased: list[Client], others: list[Client], now: datetime) -> None:
    """Take back what the staying cards were filled with from the erased ones."""
    merges = Merge.objects.filter(other__in=erased)
    for card in others:
        for merge in merges.filter(kept=card, undone_at__isnull=True):
            card.unfill(merge.filled, now=now)
        card.save()
    (merges | Merge.objects.filter(kept__in=erased)).update(filled={})


def _forget(card: Client, accounts: Mapping[UUID, UUID | None], now: datetime) -> None:
    Contact.objects.filter(client=card).delete()
    ClientKey.objects.filter(client=card).delete()
    Consent.objects.filter(client=card).update(note="")
    for side in ("first", "second"):
        Duplicate.objects.filter(**{side: card}).delete()
    card.erase(now=now)
    card.save()
    publish_updated(card, accounts)
