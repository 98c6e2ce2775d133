"""The list of erasures, and erasing again whom a restored backup brought back."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from accounts.errors import LastAdmin
from accounts.events import UserDeleted
from accounts.models import User
from accounts.providers import erasures
from accounts.services.people import forget_again
from core.db import transaction
from messaging.outbox import publish
from messaging.people.endings import left
from messaging.people.personal import erase

STEP = 500


@dataclass(frozen=True)
class Replayed:
    """Numbers of people erased again, of those told of again, and of those who could not be."""

    erased: int
    told: int
    refused: int


def list_erasure(*, user_id: UUID) -> None:
    """Write an erasure down outside the databases. Harmless when repeated. Raises OSError."""
    erased_at = User.objects.filter(pk=user_id).values_list("erased_at", flat=True).first()
    if erased_at is not None:
        erasures.record(user_id, erased_at)


def brought_back(folder: Path | None = None) -> list[UUID]:
    """Whom the list says erased, and the database does not."""
    listed = [user_id for user_id, _ in erasures.known(folder)]
    found: list[UUID] = []
    for start in range(0, len(listed), STEP):
        here = User.objects.filter(pk__in=listed[start : start + STEP], erased_at__isnull=True)
        found += here.order_by("pk").values_list("pk", flat=True)
    return found


def replay_erasures(*, now: datetime, folder: Path | None = None, is_again: bool = False) -> Replayed:
    """Erase again whom the list says erased, whatever ties them in the backup: they had settled it before they left.

    Every app is told. `is_again` tells them of all others of the list once more: of a database restored alone.
    """
    refused = 0
    back = brought_back(folder)
    for user_id in back:
        try:
            forget_again(user_id=user_id, now=now)
        except LastAdmin:
            refused += 1
    others = [user_id for user_id, _ in erasures.known(folder) if user_id not in set(back)] if is_again else []
    told = publish_deletion_again(others)
    return Replayed(len(back) - refused, told, refused)


def publish_deletion_again(user_ids: list[UUID]) -> int:
    """Have every app erase once more whom accounts has erased; return of how many that is true."""
    gone = User.objects.filter(pk__in=user_ids, erased_at__isnull=False).order_by("pk").values_list("pk", flat=True)
    told = list(gone)
    for user_id in told:
        with transaction("accounts"):
            erase("accounts", user_id)
            publish(UserDeleted(user_id=user_id))
    return len(told)


def maintain_erasures(*, now: datetime) -> Replayed:
    """Do what an hour asks for: erase whom a backup brought back, and list those erased before there was a list."""
    done = replay_erasures(now=now)
    unlisted = User.objects.filter(erased_at__isnull=False).exclude(pk__in=left("accounts")).order_by("pk")
    told = publish_deletion_again(list(unlisted.values_list("pk", flat=True)[:STEP]))
    return Replayed(done.erased, told, done.refused)
