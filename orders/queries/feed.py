"""The live feed of orders: what was missed, and what stands now, read from the database.

The feed is the log of `order.status_changed`. Managers' feed has the news of the other apps too, which orders writes
into its own log as it hears them: so one position resumes all of it.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from django.utils import timezone

from core.db import fetch
from gateway.principal import Principal
from messaging.feeds.feed import FeedRow, is_kept, read_head
from messaging.feeds.live import FORBIDDEN, NOT_FOUND, LiveView
from orders.events import OrderStatusChanged, ShopNews
from orders.models import Order
from orders.queries.reading import read_newest, read_snapshots

MAX_BEHIND = 1000
KEPT = timedelta(hours=72)
SNAPSHOT_SIZE = 500
STATUS, NEWS = OrderStatusChanged.type, ShopNews.type
CARRIED = frozenset({STATUS, NEWS})

Moment = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


class StatusMessage(msgspec.Struct):
    """One change of status, as a client receives it. `seq` counts the order's changes from 1."""

    type: Literal["order.status"]
    seq: int
    position: int | None
    order_id: UUID
    number: str
    status: str
    previous: str | None
    reason: str
    at: Moment
    data: dict[str, Any]


class NewsMessage(msgspec.Struct):
    """News of another app on the managers' feed; `type` is the event's name, `seq` counts within its subject."""

    type: str
    seq: int
    position: int | None
    subject_id: UUID
    order_id: UUID | None
    customer_id: UUID | None
    at: Moment
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


class _News(msgspec.Struct):
    subject_id: UUID
    kind: str
    at: str
    order_id: UUID | None = None
    customer_id: UUID | None = None
    data: dict[str, Any] = {}


@dataclass
class FeedItem:
    """A row of the feed with whom it concerns, encoded once for all who hear it."""

    position: int | None
    seq: int
    subject_id: UUID
    topics: tuple[str, ...]
    message: StatusMessage | NewsMessage
    trace: str = ""

    @cached_property
    def text(self) -> str:
        """The message to send."""
        return msgspec.json.encode(self.message).decode()


def parse_row(row: FeedRow) -> FeedItem:
    """Read a row."""
    return _news_item(row) if row.type == NEWS else _status_item(row)


_decode_fact = msgspec.json.Decoder(_Fact).decode
_decode_news = msgspec.json.Decoder(_News).decode


def _status_item(row: FeedRow) -> FeedItem:
    fact = _decode_fact(row.data)
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
    return FeedItem(
        row.position, row.seq, fact.order_id, status_topics(fact.order_id, fact.customer_id), message, row.trace
    )


def status_topics(order_id: UUID, customer_id: UUID) -> tuple[str, ...]:
    """Topics of an order's changes: followers of the order, its buyer, and those who follow all."""
    return (f"order:{order_id}", f"customer:{customer_id}", "orders")


def _news_item(row: FeedRow) -> FeedItem:
    news = _decode_news(row.data)
    message = NewsMessage(
        type=news.kind,
        seq=row.seq,
        position=row.position,
        subject_id=news.subject_id,
        order_id=news.order_id,
        customer_id=news.customer_id,
        at=news.at,
        data=news.data,
    )
    return FeedItem(row.position, row.seq, news.subject_id, ("news",), message, row.trace)


# Reading the log --------------------------------------------------------------------------------------------------
_OF_ORDER = """
SELECT position, seq, type, data::text, created_at FROM messaging_outbox
WHERE aggregate = 'order' AND aggregate_id = %s AND seq > %s ORDER BY seq LIMIT %s
"""
_LAST_OF_ORDER = "SELECT last_seq FROM messaging_event_stream WHERE aggregate = 'order' AND aggregate_id = %s"
_OF_ALL = """
SELECT position, seq, type, data::text, created_at FROM messaging_outbox
WHERE position > %s AND type = ANY(%s) ORDER BY position LIMIT %s
"""
_OF_CUSTOMER = """
WITH own AS MATERIALIZED (
    SELECT position, seq, type, data::text, created_at FROM messaging_outbox
    WHERE aggregate = 'order' AND aggregate_id = ANY(ARRAY(SELECT id::text FROM orders_order WHERE customer_id = %s))
)
SELECT * FROM own WHERE position > %s ORDER BY position LIMIT %s
"""
"""Materialised, since walking the whole log by position looks cheap to the planner, and is not."""
_OF_ORDER_PLACED = """
SELECT position, seq, type, data::text, created_at FROM messaging_outbox
WHERE aggregate = 'order' AND aggregate_id = %s AND position > %s ORDER BY seq LIMIT %s
"""
Row = tuple[int | None, int, str, str, Any]


def read_log(viewer: Principal, after: int, limit: int, *, with_news: bool = False) -> list[Row]:
    """Placed changes after a position that a caller may see, oldest first."""
    if viewer.is_staff:
        return fetch("orders", _OF_ALL, [after, [STATUS, NEWS] if with_news else [STATUS], limit])
    return fetch("orders", _OF_CUSTOMER, [viewer.id, after, limit])


def read_log_of_order(order_id: UUID, after: int, limit: int) -> list[Row]:
    """Placed changes of one order after a position, oldest first."""
    return fetch("orders", _OF_ORDER_PLACED, [str(order_id), after, limit])


def parse_rows(rows: list[Row]) -> list[FeedItem]:
    """Rows as clients receive them."""
    return [parse_row(FeedRow(*row[:4])) for row in rows]


def may_see(order_id: UUID, viewer: Principal) -> bool:
    """Tell whether there is such an order for this caller."""
    orders = Order.objects.filter(pk=order_id, deleted_at__isnull=True)
    return (orders if viewer.is_staff else orders.filter(customer_id=viewer.id)).exists()


def _is_too_much(rows: list[Row], since: int) -> bool:
    """More than is replayed, or older than is promised; `since=0` asks for everything there is."""
    return len(rows) > MAX_BEHIND or bool(rows and since > 0 and rows[0][4] < timezone.now() - KEPT)


# What each feed shows ----------------------------------------------------------------------------------------------
class OneOrder(LiveView):
    """`/ws/orders/{id}/`: one order, resumed by `seq`."""

    source = "orders"

    def __init__(self, principal: Principal, order_id: UUID) -> None:
        self.principal, self.order_id = principal, order_id
        self.topics = (f"order:{order_id}",)
        self.seq = 0

    def read_refusal(self) -> int:
        """Another's order does not exist."""
        return 0 if may_see(self.order_id, self.principal) else NOT_FOUND

    def read_missed(self, since: int) -> list[FeedItem] | None:
        """By the order's own numbers; a change that the relay has not placed yet counts too."""
        rows = fetch("orders", _OF_ORDER, [str(self.order_id), since, MAX_BEHIND + 1])
        last = fetch("orders", _LAST_OF_ORDER, [str(self.order_id)])
        is_whole = rows[0][1] == since + 1 if rows else bool(last) and last[0][0] >= since
        return parse_rows(rows) if is_whole and not _is_too_much(rows, since) else None

    def read_snapshot(self) -> str:
        """The order, with the `seq` that its next change will exceed."""
        order, seq = read_snapshots([self.order_id])[0]
        self.seq = seq
        return msgspec.json.encode({"type": "snapshot", "seq": seq, "order": order}).decode()

    def is_news(self, item: FeedItem) -> bool:
        """Each `seq` once."""
        if item.seq <= self.seq:
            return False
        self.seq = item.seq
        return True

    def rewind(self, since: int) -> None:
        """Go back to a `seq`."""
        self.seq = since


class ManyOrders(LiveView):
    """`/ws/orders/`: all of the caller's orders (a manager's: all), resumed by `position`."""

    source = "orders"
    with_news = False

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.topics = ("orders",) if principal.is_staff else (f"customer:{principal.id}",)
        self.position: int = 0
        self.seqs: dict[UUID, int] = {}

    def read_missed(self, since: int) -> list[FeedItem] | None:
        """By position; one that is beyond the head belongs to another life of the log."""
        if not is_kept("orders", since):
            return None
        rows = read_log(self.principal, since, MAX_BEHIND + 1, with_news=self.with_news)
        return None if _is_too_much(rows, since) else parse_rows(rows)

    def read_snapshot(self) -> str:
        """The newest orders, each with its `seq`; `is_complete` tells whether there are no older ones."""
        customer_id = None if self.principal.is_staff else self.principal.id
        found, self.position, is_complete = read_newest(customer_id, SNAPSHOT_SIZE)
        self.seqs = {order.id: seq for order, seq in found}
        listed = [{"seq": seq, "order": order} for order, seq in found]
        return msgspec.json.encode(
            {
                "type": "snapshot",
                "seq": self.position,
                "position": self.position,
                "is_complete": is_complete,
                "order": listed,
            }
        ).decode()

    def is_news(self, item: FeedItem) -> bool:
        """Each position once, and of an order nothing that its snapshot held."""
        if item.position is None or item.position <= self.position:
            return False
        self.position = item.position
        return item.seq > self.seqs.get(item.subject_id, 0)

    def rewind(self, since: int) -> None:
        """Go back to a position."""
        self.position, self.seqs = since, {}


class OneOrderByPosition(ManyOrders):
    """One order in the stream of many: resumed by `position`, as a stream of server-sent events must be."""

    def __init__(self, principal: Principal, order_id: UUID) -> None:
        super().__init__(principal)
        self.order_id = order_id
        self.topics = (f"order:{order_id}",)

    def read_refusal(self) -> int:
        """Another's order does not exist."""
        return 0 if may_see(self.order_id, self.principal) else NOT_FOUND

    def read_missed(self, since: int) -> list[FeedItem] | None:
        """By position."""
        if not is_kept("orders", since):
            return None
        rows = read_log_of_order(self.order_id, since, MAX_BEHIND + 1)
        return None if _is_too_much(rows, since) else parse_rows(rows)

    def read_snapshot(self) -> str:
        """The order alone, in a list of one."""
        self.position = read_head("orders")
        found = read_snapshots([self.order_id])
        self.seqs = {order.id: seq for order, seq in found}
        listed = [{"seq": seq, "order": order} for order, seq in found]
        document = {"type": "snapshot", "seq": self.position, "position": self.position, "is_complete": True}
        return msgspec.json.encode(document | {"order": listed}).decode()


class ShopFloor(ManyOrders):
    """`/ws/manager/`: orders, and news of payments, applications, claims, stock and queues. For managers only."""

    with_news = True

    def __init__(self, principal: Principal) -> None:
        super().__init__(principal)
        self.topics = ("orders", "news")

    def read_refusal(self) -> int:
        """Clients have no business here."""
        return 0 if self.principal.is_staff else FORBIDDEN
