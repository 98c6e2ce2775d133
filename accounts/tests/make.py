"""People and sessions, made by the services."""

from itertools import count
from typing import Any

from django.utils import timezone

from accounts import services
from accounts.models import User
from core.testing import Api

PASSWORD = "correct-horse-battery"
ADDRESS = "127.9.9.9"
ERASING = ["accounts", "orders", "payments", "financing", "insurance", "showroom"]
"""Databases that are asked what still ties a person who is to be erased."""
_number = count(1)


def user(*roles: str, **fields: Any) -> User:
    fields = {"email": f"person{next(_number)}@example.com", "password": PASSWORD} | fields
    return services.create_user(**fields, roles=roles or ("client",), now=timezone.now())


def pair(person: User, **options: Any) -> services.TokenPair:
    options = {"device": "pytest", "address": ADDRESS, "now": timezone.now()} | options
    return services.issue_tokens(user_id=person.id, **options)


def api(person: User) -> Api:
    """A caller with a real token of a real session."""
    return bearer(pair(person).access_token, person)


def bearer(token: str, person: User | None = None) -> Api:
    caller = Api(user_id=person.id if person else None)
    caller.headers = {"Authorization": f"Bearer {token}"}
    return caller
