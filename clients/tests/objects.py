"""Make one object of each kind of clients for a given user, for the table of permissions."""

from uuid import UUID

from django.utils import timezone

from clients.tests import make
from tests.permissions.objects import Ids, made_by


@made_by("/clients")
def client(owner: UUID) -> Ids:
    return [str(make.client().id)]


@made_by("/clients/imports")
def client_list(owner: UUID) -> Ids:
    from clients.models import ClientImport

    return [str(ClientImport.objects.create(filename="a.csv", actor=str(owner), created_at=timezone.now()).id)]


@made_by("/clients/{}/vehicles/{}")
def garage(owner: UUID) -> Ids:
    card = make.client()
    return [str(card.id), str(make.vehicle(card).id)]


@made_by("/leads")
def lead(owner: UUID) -> Ids:
    return [str(make.lead().id)]


@made_by("/clients/merges")
def merge(owner: UUID) -> Ids:
    return [str(make.merge().id)]


@made_by("/clients/duplicates")
def duplicates(owner: UUID) -> Ids:
    return [str(make.duplicates().id)]
