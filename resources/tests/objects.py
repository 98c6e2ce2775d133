"""Make one object of each kind of resources for a given user, for the table of permissions."""

from uuid import UUID

from resources.tests import make
from tests.permissions.objects import Ids, made_by


@made_by("/resource-types")
def resource_type(owner: UUID) -> Ids:
    return [str(make.kind().id)]


@made_by("/resources")
def resource(owner: UUID) -> Ids:
    return [str(make.resource().id)]


@made_by("/allocations")
def allocation(owner: UUID) -> Ids:
    return [str(make.allocation(make.resource(), 0, 1).id)]
