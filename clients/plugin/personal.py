"""Declare what clients holds of a person, and what erasure leaves of it."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.events import UserDeleted
from clients.models import (
    Activity,
    Client,
    ClientExport,
    ClientImport,
    ClientKey,
    ClientRowError,
    Consent,
    Contact,
    Duplicate,
    Lead,
    Merge,
    Vehicle,
)
from clients.services.imports import KEPT, drop_files
from messaging.people.classified import forgets, keeps, plain
from messaging.people.endings import Ending
from messaging.people.personal import delete, erase, holds
from messaging.subscriptions import subscribe

_MENDED = "refused rows of an uploaded list are mended from it"
_A_MONTH = "thirty days after the upload"


def _of_their_cards(user_id: UUID) -> Q:
    """Written of the person, or of a card that is theirs: those merged with it too, save another account's."""
    cards = [card for known in Client.objects.filter(user_id=user_id) for card in Client.objects.group(known.root_id)]
    return Q(customer_id__in={user_id, *(card.id for card in cards if card.user_id in (None, user_id))})


def _forget_notes(notes: QuerySet[Activity]) -> None:
    """Forget what was written and told of somebody; that it happened stays."""
    notes.update(description="", data={})


holds(Client, owner="user_id")
holds(ClientKey, owner="client__user_id", erase=delete)
holds(Contact, owner="client__user_id", erase=delete)
holds(Consent, owner="client__user_id", blank={"note": ""})
holds(Lead, owner="client__user_id")
holds(Activity, owner=_of_their_cards, erase=_forget_notes)
holds(Vehicle, owner=_of_their_cards, erase=delete)


def _old_lists(now: datetime) -> QuerySet[ClientImport]:
    return ClientImport.objects.filter(finished_at__lt=now - KEPT).exclude(file="")


def _old_rows(now: datetime) -> QuerySet[ClientRowError]:
    return ClientRowError.objects.filter(source__finished_at__lt=now - KEPT)


_BY = "clients.services.forget_user"
forgets(Client, "name industry description email phone inn kpp ogrn address", _BY)
plain(Duplicate, "reasons")
plain(Merge, "moved")
forgets(Merge, "filled", _BY)
plain(ClientImport, "filename options columns written failure actor")
keeps(ClientImport, "file", why=_MENDED, until=_A_MONTH, ends=Ending(_old_lists, drop_files))
plain(ClientRowError, "field code")
keeps(ClientRowError, "detail", why=_MENDED, until=_A_MONTH, ends=Ending(_old_rows, delete))
plain(ClientExport, "actor format filters request_id")
forgets(Lead, "name phone email note next_action lost_reason", _BY)
forgets(Activity, "description", by="clients.plugin.personal._forget_notes")


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what clients and its log tell of a person; rows of money and their ids stay."""
    erase("clients", event.user_id)
