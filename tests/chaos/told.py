"""Check that every buyer was told everything, once: in the app, by e-mail, by SMS, and as the providers' books say."""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.chaos.rig import Rig

TOLD_STATUSES = ["created", "paid", "in_progress", "ready", "completed", "cancelled", "refunded"]
KINDS = ["order.status_changed", "payment.completed", "payment.failed", "payment.refunded"]

_HAPPENED = """
SELECT id::text, data->>'customer_id', type FROM messaging_outbox
WHERE n > %s AND type = ANY(%s) AND (type <> 'order.status_changed' OR data->>'status' = ANY(%s))
    AND NOT (type = 'payment.failed' AND data->>'code' = 'cancelled')
"""
"""What was called off before it was paid is told with its order."""
_TOLD = """
SELECT event_key, user_id::text, channel, count(*) FROM notifications_notification
WHERE kind = ANY(%s) GROUP BY 1, 2, 3
"""
_ADDRESSES = "SELECT user_id::text, email <> '', phone <> '' FROM notifications_recipient"
_SMS_WISHES = "SELECT user_id::text, kind FROM notifications_preference WHERE sms"
_LEFT = """
SELECT n.id::text, n.channel, n.delivery, n.error FROM notifications_notification n
JOIN notifications_recipient r ON r.user_id = n.user_id
WHERE n.channel <> 'in_app' AND (CASE n.channel WHEN 'sms' THEN r.phone ELSE r.email END) <> ''
"""


def not_told_once(rig: Rig, since: dict[str, int]) -> Iterator[Any]:
    """All that is wrong: (event, reader, channel) without exactly one message, or a message not sent exactly once."""
    wanted = _wanted(rig, since)
    told = {tuple(row[:3]): row[3] for row in rig.rows("notifications", _TOLD, KINDS)}
    yield from (("told", count, *key) for key, count in told.items() if count != 1)
    yield from (("not told", *key) for key in wanted if key not in told)
    events = {event for event, _, _ in wanted}
    yield from (("told unasked", *key) for key in told if key[0] in events and key not in wanted)
    yield from _not_sent_once(rig)


def _wanted(rig: Rig, since: dict[str, int]) -> set[tuple[str, str, str]]:
    """Every (event, reader, channel) that must have its message."""
    sms = set(rig.rows("notifications", _SMS_WISHES))
    wanted = set()
    for app in ("orders", "payments"):
        for event, reader, kind in rig.rows(app, _HAPPENED, since[app], KINDS, TOLD_STATUSES):
            channels = ["in_app", "email", *(["sms"] if (reader, kind) in sms else [])]
            wanted |= {(event, reader, channel) for channel in channels}
    return wanted


def _not_sent_once(rig: Rig) -> Iterator[Any]:
    """Messages that are not recorded as sent, or that a provider's store does not hold exactly once."""
    sms, mails = Counter(sms_store(rig)), Counter(mailbox(rig))
    ours: dict[str, set[str]] = {"sms": set(), "email": set()}
    for key, channel, delivery, error in rig.rows("notifications", _LEFT):
        ours[channel].add(key)
        held = (sms if channel == "sms" else mails)[key]
        if (delivery, held) != ("sent", 1):
            yield ("not sent once", channel, key, delivery, held, error)
    yield from (("sent unasked", "sms", key) for key in sms.keys() - ours["sms"])
    unasked = rig.rows("notifications", "SELECT id::text FROM notifications_notification WHERE id::text = ANY(%s)",
                       list(mails.keys() - ours["email"]))  # fmt: skip
    yield from (("sent unasked", "email", *row) for row in unasked)


def sms_store(rig: Rig) -> list[str]:
    """Keys of all messages that the SMS sandbox sent; its store has one row a key, however often it was handed over."""
    path = rig.folder / "sms" / "book.sqlite3"
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(path, timeout=5)) as store:
        return [key for (key,) in store.execute("SELECT key FROM message")]


def handed_again(rig: Rig) -> int:
    """Count the messages the SMS sandbox was given more than once: executors that died before they could say so."""
    path = rig.folder / "sms" / "book.sqlite3"
    with contextlib.closing(sqlite3.connect(path, timeout=5)) as store:
        found = store.execute("SELECT count(*) FROM (SELECT 1 FROM handing GROUP BY key HAVING count(*) > 1)")
        return int(found.fetchone()[0])


def mailbox(rig: Rig) -> list[str]:
    """Ids of all messages in the mailbox, which is a folder."""
    return [file.stem for file in (rig.folder / "mail").glob("*.eml")]
