"""What other apps may ask of notifications: somebody's own news, and how they want to be told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from notifications.models import Channel, Kind, Notification, kinds_for, offered_channels
from notifications.reading import Preferences, QuietHours, Wished, preferences_of

__all__ = [
    "News",
    "Preferences",
    "QuietHours",
    "Wished",
    "channels",
    "news_of",
    "preferences_of",
    "read_preferences",
    "unread_count",
]
MOST_COUNTED = 100


@dataclass(frozen=True)
class News:
    """One piece of news, in its reader's language; `data` holds the ids of what it is about."""

    id: UUID
    kind: str
    title: str
    body: str
    data: dict[str, Any]
    read_at: datetime | None
    created_at: datetime


def news_of(user_id: UUID, *, limit: int, before: UUID | None = None, is_unread: bool = False) -> list[News]:
    """What somebody was told in the app, newest first; with `before` what is older than that piece of their news."""
    rows = Notification.objects.filter(user_id=user_id, channel=Channel.IN_APP)
    if before is not None:
        known = rows.filter(pk=before).values_list("created_at", flat=True).first()
        if known is not None:
            rows = rows.filter(Q(created_at__lt=known) | Q(created_at=known, pk__lt=before))
    if is_unread:
        rows = rows.filter(read_at__isnull=True)
    fields = ("id", "kind", "title", "body", "data", "read_at", "created_at")
    return [News(*row) for row in rows.order_by("-created_at", "-id").values_list(*fields)[:limit]]


def unread_count(user_id: UUID) -> int:
    """How many pieces of news somebody has not read; counted no further than a hundred."""
    unread = Notification.objects.filter(user_id=user_id, channel=Channel.IN_APP, read_at__isnull=True)
    return len(unread.values_list("pk", flat=True)[:MOST_COUNTED])


def read_preferences(user_id: UUID, *, is_staff: bool, is_admin: bool) -> tuple[Preferences, dict[str, Any]]:
    """How somebody wants to be told, and the names of the kinds of news that they can be sent."""
    kinds = kinds_for(is_staff=is_staff, is_admin=is_admin)
    return preferences_of(user_id, kinds), {kind.value: Kind(kind).label for kind in kinds}


def channels() -> dict[str, Any]:
    """Names of the channels that are connected."""
    return {channel.value: channel.label for channel in offered_channels()}
