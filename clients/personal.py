"""What clients holds of a person, and what erasure leaves of it."""

from django.db.models import QuerySet

from accounts.events import UserDeleted
from clients.models import Activity, Client, ClientKey, Consent, Contact, Lead, Vehicle
from clients.services import customer_ids_of
from messaging.personal import delete, erase, holds
from messaging.subscriptions import subscribe


def _forget_notes(cards: QuerySet[Client]) -> None:
    """What managers wrote of somebody; the cards and leads themselves are blanked by `keep_client`."""
    for card in cards:
        Activity.objects.filter(customer_id__in=customer_ids_of(card)).update(description="")


holds(Client, owner="user_id", erase=_forget_notes)
holds(ClientKey, owner="client__user_id", erase=delete)
holds(Contact, owner="client__user_id", erase=delete)
holds(Consent, owner="client__user_id", blank={"note": ""})
holds(Lead, owner="client__user_id")
holds(Vehicle, erase=delete)


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what clients and its log tell of a person; rows of money and their ids stay."""
    erase("clients", event.user_id)
