"""Declare what clients holds of a person, and what erasure leaves of it."""

from datetime import datetime, timedelta
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
    ConsentProof,
    Contact,
    Duplicate,
    Lead,
    Merge,
    Vehicle,
)
from clients.queries import list_own_cards
from clients.services.imports import KEPT, drop_files
from core.files.kept import LISTS
from core.files.orphans import names_files
from messaging.people.classified import forgets, keeps, plain
from messaging.people.endings import Ending, left
from messaging.people.personal import delete, erase, holds
from messaging.subscriptions import subscribe

THREE_YEARS = timedelta(days=3 * 365 + 1)
_MENDED = "refused rows of an uploaded list are mended from it"
_A_MONTH = "thirty days after the upload"


def _of_their_cards(user_id: UUID) -> Q:
    """Written of the person, or of a card of theirs."""
    return Q(customer_id__in=[user_id, *list_own_cards(user_id)])


def _their_cards(user_id: UUID) -> Q:
    """Their own card, and those merged with it that are no other account's."""
    return Q(id__in=list_own_cards(user_id))


def _on_their_cards(user_id: UUID) -> Q:
    return Q(client_id__in=list_own_cards(user_id))


def _of_their_enquiries(user_id: UUID) -> Q:
    """Given by the person themselves, or in an enquiry that became theirs."""
    return Q(user_id=user_id) | Q(lead__client_id__in=list_own_cards(user_id))


def _forget_notes(notes: QuerySet[Activity]) -> None:
    """Forget what was written and told of somebody; that it happened stays."""
    notes.update(description="", data={})


holds(Client, owner=_their_cards)
holds(ClientKey, owner=_on_their_cards, erase=delete)
holds(Contact, owner=_on_their_cards, erase=delete)
holds(Consent, owner=_on_their_cards, blank={"note": ""})
holds(ConsentProof, owner=_of_their_enquiries)
holds(Lead, owner=_on_their_cards)
holds(Activity, owner=_of_their_cards, erase=_forget_notes)
holds(Vehicle, owner=_of_their_cards, erase=delete)


def _old_lists(now: datetime) -> QuerySet[ClientImport]:
    return ClientImport.objects.filter(finished_at__lt=now - KEPT).exclude(file="")


def _old_rows(now: datetime) -> QuerySet[ClientRowError]:
    return ClientRowError.objects.filter(source__finished_at__lt=now - KEPT)


def _old_proofs(now: datetime) -> QuerySet[ConsentProof]:
    """A guest has no account to leave: their address goes by its age alone."""
    gone = Q(user_id__in=left("clients")) | Q(user_id__isnull=True) | Q(lead__name="")
    return ConsentProof.objects.filter(gone, at__lt=now - THREE_YEARS).exclude(address="")


def _blank_addresses(proofs: QuerySet[ConsentProof]) -> None:
    proofs.update(address="")


_BY = "clients.services.forget_user"
forgets(Client, "name industry description email phone inn kpp ogrn address", _BY)
plain(Duplicate, "reasons")
plain(Merge, "moved")
forgets(Merge, "filled", _BY)
plain(ClientImport, "filename options columns written failure actor")
keeps(ClientImport, "file", why=_MENDED, until=_A_MONTH, ends=Ending(_old_lists, drop_files))
plain(ClientRowError, "field code")
keeps(ClientRowError, "detail", why=_MENDED, until=_A_MONTH, ends=Ending(_old_rows, delete))
plain(ConsentProof, "text_version language")
keeps(
    ConsentProof,
    "address",
    why="whoever keeps data has to prove that its owner agreed (152-FZ, art. 9)",
    until="three years after it was given, the time within which that may be disputed",
    ends=Ending(_old_proofs, _blank_addresses),
)
plain(ClientExport, "actor format filters request_id")
forgets(Lead, "name phone email note next_action lost_reason", _BY)
forgets(Activity, "description", by="clients.plugin.personal._forget_notes")


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what clients and its log tell of a person; rows of money and their ids stay."""
    erase("clients", event.user_id)


names_files(ClientImport, "file", kind=LISTS, folder="client-imports")
