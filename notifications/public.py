"""Answer what other apps may ask of notifications: somebody's own news, and how they want to be told."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import get_language

from notifications.models import Channel, Kind, Notification, kinds_for, offered_channels
from notifications.queries.preferences import Preferences, QuietHours, Wished, load_preferences
from notifications.rules import texts
from notifications.rules.letters import NEWS_PATH, find_path

__all__ = [
    "News",
    "Preferences",
    "QuietHours",
    "Wished",
    "channels",
    "get_page",
    "list_news",
    "load_preferences",
    "read_preferences",
    "unheard_webhooks",
    "unread_count",
]
MOST_COUNTED = 100


@dataclass(frozen=True)
class News:
    """One piece of news, in the language that is spoken now; `data` holds the ids of what it is about."""

    id: UUID
    kind: str
    title: str
    body: str
    data: dict[str, Any]
    read_at: datetime | None
    created_at: datetime


def get_page(news: News) -> str:
    """Return the page of what a piece of news is about, from the root of the site on; empty where there is none."""
    path = find_path(news.kind, news.data)
    return "" if path == NEWS_PATH else path


_UNHEARD = """
SELECT url, extract(epoch FROM now() - failing_since), true FROM notifications_webhookendpoint
WHERE state = 'enabled' AND failing_since < now() - make_interval(secs => %(seconds)s)
UNION ALL
SELECT e.url, extract(epoch FROM now() - d.due), false FROM notifications_webhookendpoint AS e
CROSS JOIN LATERAL (
    SELECT min(next_attempt_at) AS due FROM notifications_webhookdelivery
    WHERE endpoint_id = e.id AND state IN ('pending', 'retrying')
) AS d
WHERE e.state = 'enabled' AND e.failing_since IS NULL AND d.due < now() - make_interval(secs => %(seconds)s)
ORDER BY 2 DESC LIMIT %(limit)s
"""


def unheard_webhooks(seconds: int, limit: int) -> list[tuple[str, float, bool]]:
    """Receivers that have not heard what is due for longer than `seconds`: host, since how many seconds, and whether
    it was tried. Only the host of an address is told: the rest may be a secret.
    """
    with connections["notifications"].cursor() as cursor:
        cursor.execute(_UNHEARD, {"seconds": seconds, "limit": limit})
        return [(urlsplit(url).hostname or "?", float(age), is_tried) for url, age, is_tried in cursor.fetchall()]


def list_news(user_id: UUID, *, limit: int, before: UUID | None = None, is_unread: bool = False) -> list[News]:
    """List what somebody was told in the app, newest first; with `before`, what is older than that piece of news."""
    rows = Notification.objects.filter(user_id=user_id, channel=Channel.IN_APP)
    if before is not None:
        known = rows.filter(pk=before).values_list("created_at", flat=True).first()
        if known is not None:
            rows = rows.filter(Q(created_at__lt=known) | Q(created_at=known, pk__lt=before))
    if is_unread:
        rows = rows.filter(read_at__isnull=True)
    fields = ("id", "kind", "title", "body", "data", "read_at", "created_at")
    return [_in_language(News(*row)) for row in rows.order_by("-created_at", "-id").values_list(*fields)[:limit]]


def _in_language(news: News) -> News:
    """Put news that was told in another language into the one that is spoken now.

    What was told is kept as it was told. It is put into other words only where its values still give the words that
    were told: those of an older release may lack what today's sentences need.
    """
    language, zone = get_language() or settings.LANGUAGE_CODE, timezone.get_current_timezone_name()
    others = [known for known in dict(settings.LANGUAGES) if known != language]
    with suppress(KeyError):
        if any(texts.render(news.kind, news.data, known, zone).title == news.title for known in others):
            text = texts.render(news.kind, news.data, language, zone)
            return replace(news, title=text.title, body=text.body)
    return news


def unread_count(user_id: UUID) -> int:
    """Count the pieces of news somebody has not read, no further than a hundred."""
    unread = Notification.objects.filter(user_id=user_id, channel=Channel.IN_APP, read_at__isnull=True)
    return len(unread.values_list("pk", flat=True)[:MOST_COUNTED])


def read_preferences(user_id: UUID, *, is_staff: bool, is_admin: bool) -> tuple[Preferences, dict[str, Any]]:
    """Return how somebody wants to be told, and the names of the kinds of news that they can be sent."""
    kinds = kinds_for(is_staff=is_staff, is_admin=is_admin)
    return load_preferences(user_id, kinds), {kind.value: Kind(kind).label for kind in kinds}


def channels() -> dict[str, Any]:
    """Names of the channels that are connected."""
    return {channel.value: channel.label for channel in offered_channels()}
