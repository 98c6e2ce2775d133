"""News of the other apps for managers, written into orders' own log, where they get their place in the feed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from core.db import transaction
from core.events import Event
from messaging.outbox import publish
from orders.events import ShopNews

STALE_AFTER = timedelta(hours=72)
"""Older than what the feed keeps is no news: a handler that begins with an old log would tell months of it."""


def record_news(*, event: Event, happened_at: datetime, now: datetime) -> None:
    """Put an event of another app on the managers' feed, unless it is older than the feed keeps."""
    if happened_at < now - STALE_AFTER:
        return
    fields: dict[str, Any] = msgspec.to_builtins(event)
    with transaction("orders"):
        publish(
            ShopNews(
                subject_id=UUID(event.aggregate_id),
                kind=event.type,
                at=happened_at,
                order_id=_id(fields.get("order_id")),
                customer_id=_id(fields.get("customer_id")),
                data=fields,
            )
        )


def _id(given: str | None) -> UUID | None:
    return UUID(given) if given else None
