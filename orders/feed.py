"""The live feed of orders: what was missed, and what stands now, read from the database."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from django.utils import timezone

from core.db import fetch
from gateway.principal import Principal
from messaging.feed import FeedRow, read_head
from orders.models import Order
from orders.reading import read_snapshots

MAX_BEHIND = 1000
KEPT = timedelta(hours=72)
SNAPSHOT_SIZE = 100
TYPE = "order.status_changed"


class StatusMessage(msgspec.Struct):
    """One change of status, as a client receives it."""

    type: Literal["order.status"]
    seq: int
    position: int | None
    order_id: UUID
    number: str
    status: str
    previous: str | None
    reason: str
    at: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
    data: dict[str, Any]


class _Fact(msgspec.Struct):
    order_id: UUID
    customer_id: UUID
    number: str
    status: str
    previous: str | None
    at: str
    reason: str = ""
    data: dict[str, Any] = {}


@dataclass(frozen=True)
class FeedItem:
    """A row of the feed with whom it concerns, encoded once for all sockets."""

    position: int | None
    seq: int
    order_id: UUID
    customer_id: UUID
    message: StatusMessage

    @property
    def text(self) -> str:
        """The frame to send."""
        return msgspec.json.encode(self.message).decode()


def item_of(row: FeedRow) -> FeedItem:
    """Read a row."""
    fact = msgspec.json.decode(row.data, type=_Fact)
    message = StatusMessage(
        type="order.status",
        seq=row.seq,
        position=row.position,
        order_id=fact.order_id,
        number=fact.number,
        status=fact.status,
        previous=fact.previous,
        reason=fact.reason,
        at=fact.at,
        data=fact.data,
    )
    return FeedItem(row.position, row.seq, fact.order_id, fact.customer_id, message)


def missed_of_order(order_id: UUID, since: int) -> list[FeedItem] | None:
    """Changes of one order after `since`; None when they are too many or too old to replay."""
    rows = fetch(
        "orders",
        """SELECT position, seq, data::text, created_at FROM messaging_outbox
           WHERE aggregate = 'order' AND aggregate_id = %s AND seq > %s ORDER BY seq LIMIT %s""",
        [str(order_id), since, MAX_BEHIND + 1],
    )
    if len(rows) > MAX_BEHIND or (rows and since > 0 and _is_too_old(rows[0][3])):
        return None
    return [item_of(FeedRow(*row[:3])) for row in rows]


def missed_of_all(since: int, viewer: Principal) -> list[FeedItem] | None:
    """Changes after a position of all the orders a caller may see; None as above."""
    rows = fetch(
        "orders",
        """SELECT position, seq, data::text, created_at FROM messaging_outbox
           WHERE position > %s AND type = %s AND (%s OR data->>'customer_id' = %s) ORDER BY position LIMIT %s""",
        [since, TYPE, viewer.is_staff, str(viewer.id), MAX_BEHIND + 1],
    )
    if len(rows) > MAX_BEHIND or (rows and since > 0 and _is_too_old(rows[0][3])):
        return None
    return [item_of(FeedRow(*row[:3])) for row in rows]


def _is_too_old(moment: Any) -> bool:
    return bool(moment < timezone.now() - KEPT)


def snapshot_of_order(order_id: UUID, viewer: Principal) -> dict[str, Any] | None:
    """The order now, with the `seq` that its next change will exceed; None if the caller may not see it."""
    found = read_snapshots([order_id])
    if not found or not (viewer.is_staff or found[0][0].customer_id == viewer.id):
        return None
    order, seq = found[0]
    return {"type": "snapshot", "seq": seq, "order": order}


def snapshot_of_all(viewer: Principal) -> tuple[dict[str, Any], dict[UUID, int]]:
    """The newest orders a caller may see, and each one's `seq`; changes after `position` follow."""
    position = read_head("orders")
    orders = Order.objects.filter(deleted_at__isnull=True)
    if not viewer.is_staff:
        orders = orders.filter(customer_id=viewer.id)
    ids = list(orders.order_by("-created_at", "-id").values_list("id", flat=True)[:SNAPSHOT_SIZE])
    found = read_snapshots(ids)
    listed = [{"seq": seq, "order": order} for order, seq in found]
    return (
        {"type": "snapshot", "seq": position, "position": position, "order": listed},
        {order.id: seq for order, seq in found},
    )
