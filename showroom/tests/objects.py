"""Make one object of each kind of showroom for a given user, for the table of permissions."""

from uuid import UUID

from showroom.tests import make
from tests.permissions.objects import Ids, made_by


@made_by("/events")
def happening(owner: UUID) -> Ids:
    return [str(make.happening().id)]


@made_by("/events/{}/registrations")
def registration(owner: UUID) -> Ids:
    of = make.happening()
    return [str(of.id), str(make.registration(of, owner).id)]


@made_by("/test-drives")
def drive(owner: UUID) -> Ids:
    return [str(make.drive(make.car(), owner).id)]


@made_by("/event-categories")
def event_category(owner: UUID) -> Ids:
    return [str(make.category().id)]
