"""Make one object of each kind of accounts for a given user, for the table of permissions."""

from uuid import UUID

from django.utils import timezone

from accounts.services import create_api_key, request_export
from accounts.tests import make
from tests.permissions.objects import Ids, made_by


@made_by("/auth/sessions")
def session(owner: UUID) -> Ids:
    from accounts.models import Session, User

    make.pair(User.objects.get(pk=owner))
    return [str(Session.objects.get(user_id=owner).id)]


@made_by("/auth/api-keys")
def api_key(owner: UUID) -> Ids:
    row, _ = create_api_key(
        user_id=owner, name="till", scopes=["orders:read"], expires_at=None, address="127.0.0.1", now=timezone.now()
    )
    return [str(row.id)]


@made_by("/users/{}/exports/{}")
def export(owner: UUID) -> Ids:
    return [str(owner), str(request_export(user_id=owner, requested_by=owner, now=timezone.now()).id)]


@made_by("/users/{}/activity", "/users/{}/exports", "/users/{}/integrations")
def oneself(owner: UUID) -> Ids:
    return [str(owner)]


@made_by("/users")
def user(owner: UUID) -> Ids:
    return [str(make.user().id)]
