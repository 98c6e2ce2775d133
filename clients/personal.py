"""What clients holds of a person, and what erasure leaves of it."""

from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.events import UserDeleted
from clients.models import Activity, Client, ClientKey, Consent, Contact, Lead, Vehicle
from messaging.personal import delete, erase, holds
from messaging.subscriptions import subscribe


def _of_their_cards(user_id: UUID) -> Q:
    """Written of the person, or of a card that is theirs: those merged with it too, save another account's."""
    cards = [card for known in Client.objects.filter(user_id=user_id) for card in Client.objects.group(known.root_id)]
    return Q(customer_id__in={user_id, *(card.id for card in cards if card.user_id in (None, user_id))})


def _forget_notes(notes: QuerySet[Activity]) -> None:
    """What was written and told of somebody goes; that it happened stays."""
    notes.update(description="", data={})


holds(Client, owner="user_id")
holds(ClientKey, owner="client__user_id", erase=delete)
holds(Contact, owner="client__user_id", erase=delete)
holds(Consent, owner="client__user_id", blank={"note": ""})
holds(Lead, owner="client__user_id")
holds(Activity, owner=_of_their_cards, erase=_forget_notes)
holds(Vehicle, owner=_of_their_cards, erase=delete)


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what clients and its log tell of a person; rows of money and their ids stay."""
    erase("clients", event.user_id)
