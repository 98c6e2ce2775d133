"""Parked deliveries: seen, retried and discarded by people, in the admin and from the terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connections
from django.db.models import Count, Max, Min, QuerySet
from django.utils.translation import gettext as _

from core.db import transaction
from messaging.delivery import wakeups
from messaging.models import DeliveryStatus, InboxEvent


@dataclass(frozen=True)
class ParkedGroup:
    """Deliveries of one handler that failed in the same way."""

    alias: str
    handler: str
    type: str
    error: str
    count: int
    first_at: datetime
    last_at: datetime


def _parked(alias: str) -> QuerySet[InboxEvent]:
    return InboxEvent.objects.using(alias).filter(status=DeliveryStatus.DEAD)


def served() -> list[str]:
    """Databases that this process serves, or that its roles look after."""
    return [alias for alias in settings.LAYOUT.databases if alias in connections]


def count(aliases: Iterable[str]) -> int:
    """Count the parked deliveries."""
    return sum(_parked(alias).count() for alias in aliases)


def groups(aliases: Iterable[str]) -> list[ParkedGroup]:
    """Parked deliveries by handler, type and last line of the error, most first."""
    found: dict[tuple[str, str, str, str], list[tuple[int, datetime, datetime]]] = {}
    for alias in aliases:
        rows = _parked(alias).values("handler", "type", "last_error")
        for row in rows.annotate(n=Count("rn"), first=Min("received_at"), last=Max("received_at"))[:1000]:
            key = (alias, row["handler"], row["type"], last_line(row["last_error"]))
            found.setdefault(key, []).append((row["n"], row["first"], row["last"]))
    return sorted(
        (
            ParkedGroup(*key, sum(one[0] for one in rows), min(one[1] for one in rows), max(one[2] for one in rows))
            for key, rows in found.items()
        ),
        key=lambda group: -group.count,
    )


def rows(alias: str, *, handler: str = "", event_type: str | None = None, limit: int = 200) -> list[InboxEvent]:
    """Parked deliveries of one database, oldest first; of one handler and one type of event where they are named."""
    found = _parked(alias)
    found = found.filter(handler=handler) if handler else found
    return list((found if event_type is None else found.filter(type=event_type)).order_by("rn")[:limit])


def last_line(error: str) -> str:
    """The sentence a traceback ends with."""
    return error.strip().rsplit("\n", 1)[-1][:200] or _("unknown")


def retry(alias: str, rns: Sequence[int], *, now: datetime) -> int:
    """Give parked deliveries a new life; return how many there were."""
    return _release(alias, rns, DeliveryStatus.PENDING, now)


def discard(alias: str, rns: Sequence[int], *, now: datetime) -> int:
    """Give up on parked deliveries, for good; what they held up goes on. Return how many there were."""
    return _release(alias, rns, DeliveryStatus.SKIPPED, now)


def _release(alias: str, rns: Sequence[int], status: int, now: datetime) -> int:
    with transaction(alias):
        found = list(_parked(alias).filter(rn__in=rns).select_for_update().order_by("rn"))
        _parked(alias).filter(rn__in=[row.rn for row in found]).update(
            status=status, attempts=0, next_at=now, done_at=now if status == DeliveryStatus.SKIPPED else None
        )
        for row in found:
            behind = InboxEvent.objects.using(alias).filter(
                handler=row.handler, shard=row.shard, partition_key=row.partition_key
            )
            behind.filter(status=DeliveryStatus.PENDING, next_at__gt=now).update(next_at=now)
    wakeups.send({(alias, row.handler, row.shard) for row in found})
    return len(found)
