"""The log of an account: written in the transaction of what it tells of."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.models import Activity, ActivityKind
from core import context
from core.db import transaction
from messaging.people.departures import let_history_forget

KEEP = timedelta(days=365)
KEEP_UNKNOWN = timedelta(days=30)


def record(
    kind: ActivityKind, user_id: UUID | None, *, now: datetime, address: str = "", device: str = "", **details: Any
) -> None:
    """Add a line to the log of an account; of none, when somebody tried a name that nobody has.

    What somebody else did, an administrator say, names them: `by`.
    """
    actor = str(context.current().get("actor", ""))
    if actor and actor != str(user_id):
        details = {"by": actor} | details
    with transaction("accounts"):
        Activity.objects.create(
            kind=kind,
            user_id=user_id,
            at=now,
            address=address[:64],
            device=device[:200],
            details=details,
            request_id=str(context.current().get("request_id", ""))[:128],
        )


def purge_activity(*, now: datetime) -> int:
    """Drop lines older than a year, and tries of unknown names older than a month; return how many went."""
    with transaction("accounts"):
        known = Activity.objects.filter(at__lt=now - KEEP).delete()[0]
        return known + Activity.objects.filter(user__isnull=True, at__lt=now - KEEP_UNKNOWN).delete()[0]


def forget_details(user_id: UUID) -> None:
    """Leave of a person's log only what happened when."""
    with transaction("accounts"):
        let_history_forget("accounts")
        Activity.objects.filter(user_id=user_id).update(address="", device="", details={})
