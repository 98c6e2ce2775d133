"""Answer what other apps may ask about people."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from core.errors import InvalidInput
from gateway.principal import STAFF
from messaging.peering.reads import answers

CHUNK = 2_000
MOST_COLLEAGUES = 500


@dataclass(frozen=True)
class Person:
    """A person as other apps may know them. After erasure nothing but the id is left."""

    id: UUID
    email: str
    full_name: str
    phone: str
    roles: tuple[str, ...]
    is_active: bool


@answers("orders", "payments")
def get_person(user_id: UUID) -> Person | None:
    """The person with this id, or None."""
    return get_people([user_id]).get(user_id)


@answers("orders", "showroom")
def require_person(user_id: UUID, field: str) -> None:
    """Refuse to do something in the name of nobody. Raises InvalidInput, which names `field`."""
    if not User.objects.filter(pk=user_id).exists():
        raise InvalidInput(field, "unknown_person", _("There is no such person."))


@answers("clients", "orders")
def require_colleague(user_id: UUID, field: str) -> None:
    """Refuse to give work to anybody but an active manager or administrator. Raises InvalidInput, naming `field`."""
    if not User.objects.filter(pk=user_id, is_active=True, roles__overlap=list(STAFF)).exists():
        raise InvalidInput(field, "unknown_colleague", _("Nobody with this id works here."))


@answers("clients")
def list_colleagues() -> list[Person]:
    """List those to whom work can be given, by name: the first five hundred."""
    people = User.objects.filter(is_active=True, roles__overlap=list(STAFF)).order_by("full_name", "email")
    return [_person(user) for user in people[:MOST_COLLEAGUES]]


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


def people_reached() -> Iterator[tuple[UUID, tuple[str, str, str]]]:
    """Every account that was not erased, by id, some thousands at a time: name, phone and e-mail."""
    reached, present = UUID(int=0), User.objects.filter(erased_at__isnull=True).order_by("pk")
    while rows := list(present.filter(pk__gt=reached).values_list("pk", "full_name", "phone", "email")[:CHUNK]):
        reached = rows[-1][0]
        yield from ((pk, (name.strip() or email.partition("@")[0], phone, email)) for pk, name, phone, email in rows)
