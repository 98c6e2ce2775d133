"""The live feed of a reader: what they were told and read, resumed by `seq`, which counts both from 1."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal
from uuid import UUID

import msgspec
from django.utils import timezone

from core.db import fetch
from gateway.principal import Principal
from messaging.feeds.feed import FeedRow
from messaging.feeds.live import LiveView
from notifications.events import NotificationRead, NotificationTold

MAX_BEHIND = 1000
KEPT = timedelta(hours=72)
SNAPSHOT_SIZE = 100
CARRIED = frozenset({NotificationTold.type, NotificationRead.type})


class Told(msgspec.Struct):
    """A piece of news, as GET /notifications shows it."""

    id: UUID
    kind: str
    title: str
    body: str
    data: dict[str, Any]
    created_at: datetime


class ToldMessage(msgspec.Struct):
    """The reader was told something new."""

    type: Literal["notification.told"]
    seq: int
    notification: Told


class ReadMessage(msgspec.Struct):
    """The reader read something, here or elsewhere."""

    type: Literal["notification.read"]
    seq: int
    notification_id: UUID
    read_at: datetime


class _ToldFact(msgspec.Struct):
    user_id: UUID
    notification_id: UUID
    kind: str
    title: str
    body: str
    created_at: datetime
    data: dict[str, Any] = {}


class _ReadFact(msgspec.Struct):
    user_id: UUID
    notification_id: UUID
    read_at: datetime


_decode_told = msgspec.json.Decoder(_ToldFact).decode
_decode_read = msgspec.json.Decoder(_ReadFact).decode


@dataclass
class FeedItem:
    """A row of the feed with whom it concerns, encoded once for all who hear it."""

    position: int | None
    seq: int
    topics: tuple[str, ...]
    message: ToldMessage | ReadMessage
    trace: str = ""

    @cached_property
    def text(self) -> str:
        """The message to send."""
        return msgspec.json.encode(self.message).decode()


def parse_row(row: FeedRow) -> FeedItem:
    """Read a row."""
    if row.type == NotificationRead.type:
        read = _decode_read(row.data)
        message: ToldMessage | ReadMessage = ReadMessage(
            "notification.read", row.seq, read.notification_id, read.read_at
        )
        return FeedItem(row.position, row.seq, (_topic(read.user_id),), message, row.trace)
    fact = _decode_told(row.data)
    told = Told(fact.notification_id, fact.kind, fact.title, fact.body, fact.data, fact.created_at)
    message = ToldMessage("notification.told", row.seq, told)
    return FeedItem(row.position, row.seq, (_topic(fact.user_id),), message, row.trace)


def _topic(user_id: UUID) -> str:
    return f"reader:{user_id}"


_MISSED = """
SELECT position, seq, type, data::text, created_at FROM messaging_outbox
WHERE aggregate = 'reader' AND aggregate_id = %s AND seq > %s ORDER BY seq LIMIT %s
"""
_LAST = "SELECT last_seq FROM messaging_event_stream WHERE aggregate = 'reader' AND aggregate_id = %s"
_SNAPSHOT = f"""
WITH unread AS (
    SELECT id, kind, title, body, data, created_at FROM notifications_notification
    WHERE user_id = %s AND channel = 'in_app' AND read_at IS NULL
    ORDER BY created_at DESC, id DESC LIMIT {SNAPSHOT_SIZE + 1}
)
SELECT coalesce(({_LAST}), 0), coalesce(json_agg(unread ORDER BY created_at DESC, id DESC), '[]')::text FROM unread
"""
"""One statement sees one state of the database: the snapshot and the `seq` it belongs to."""


class MyNews(LiveView):
    """`/ws/notifications/`: what the caller is told and reads, resumed by `seq`."""

    source = "notifications"

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.topics = (_topic(principal.id),)
        self.seq = 0

    def read_missed(self, since: int) -> list[FeedItem] | None:
        """By the reader's own numbers; what the relay has not placed yet counts too."""
        reader = str(self.principal.id)
        rows = fetch("notifications", _MISSED, [reader, since, MAX_BEHIND + 1])
        last = fetch("notifications", _LAST, [reader])
        is_whole = rows[0][1] == since + 1 if rows else (last[0][0] if last else 0) >= since
        is_old = bool(rows and since > 0 and rows[0][4] < timezone.now() - KEPT)
        if not is_whole or is_old or len(rows) > MAX_BEHIND:
            return None
        return [parse_row(FeedRow(*row[:4])) for row in rows]

    def read_snapshot(self) -> str:
        """The newest unread news, and whether there is more of it, with the `seq` that the next change will exceed."""
        ((self.seq, listed),) = fetch("notifications", _SNAPSHOT, [self.principal.id, str(self.principal.id)])
        unread = msgspec.json.decode(listed, type=list[Told])
        return msgspec.json.encode(
            {
                "type": "snapshot",
                "seq": self.seq,
                "is_complete": len(unread) <= SNAPSHOT_SIZE,
                "unread": unread[:SNAPSHOT_SIZE],
            }
        ).decode()

    def is_news(self, item: FeedItem) -> bool:
        """Each `seq` once."""
        if item.seq <= self.seq:
            return False
        self.seq = item.seq
        return True

    def rewind(self, since: int) -> None:
        """Go back to a `seq`."""
        self.seq = since
