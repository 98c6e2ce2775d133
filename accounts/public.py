"""What other apps may ask about people."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from accounts.models import User
from messaging.reads import answers


@dataclass(frozen=True)
class Person:
    """A person as other apps may know them. After erasure nothing but the id is left."""

    id: UUID
    email: str
    full_name: str
    phone: str
    roles: tuple[str, ...]
    is_active: bool


@answers("orders")
def get_person(user_id: UUID) -> Person | None:
    """The person with this id, or None."""
    return get_people([user_id]).get(user_id)


def get_people(user_ids: Iterable[UUID]) -> dict[UUID, Person]:
    """Those of the people who exist, by id; one query."""
    return {user.id: _person(user) for user in User.objects.filter(pk__in=set(user_ids))}


def find_by_email(email: str) -> Person | None:
    """The person with this e-mail, whatever its case, or None."""
    user = User.objects.filter(email=email.strip().lower()).first()
    return _person(user) if user else None


def _person(user: User) -> Person:
    return Person(
        id=user.id,
        email=user.email,
        full_name=user.full_name,
        phone=user.phone,
        roles=tuple(user.roles),
        is_active=user.is_active,
    )
