"""Declare the history of accounts that the audit search reads, and whom an address stands for."""

from collections.abc import Iterator
from uuid import UUID

from accounts.models import Activity, User
from core.postgres.trails import Audit, Trail


def _find_people(text: str) -> Iterator[UUID]:
    person = User.objects.by_identifier(text)
    if person is not None:
        yield person.id


AUDIT = Audit(
    trails=(
        Trail(
            model=Activity,
            at="at",
            by=("details__by", "user_id"),
            is_first_by=True,
            things={"user_id": "person"},
            what="kind",
            tells=("details",),
        ),
    ),
    find_people=_find_people,
)
