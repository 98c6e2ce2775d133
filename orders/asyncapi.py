"""The live feeds of orders as the AsyncAPI document shows them: what each socket says and what it listens to."""

from typing import Literal

import msgspec

from messaging.asyncapi import Channel, describe_channel
from orders.feed import NewsMessage, StatusMessage
from orders.reading import OrderDocument


class OrderSnapshot(msgspec.Struct):
    """The order now; the next change has a `seq` above this one. First message when nothing is resumed."""

    type: Literal["snapshot"]
    seq: int
    order: OrderDocument


class ListedOrder(msgspec.Struct):
    """An order of a snapshot, with the `seq` of its last change."""

    seq: int
    order: OrderDocument


class OrdersSnapshot(msgspec.Struct):
    """The newest 500 orders now; changes after `position` follow. First message when nothing is resumed.

    `is_complete` is false when there are older orders, which are read by `GET /orders`.
    """

    type: Literal["snapshot"]
    seq: int
    position: int
    order: list[ListedOrder]
    is_complete: bool = True


class ResyncRequired(msgspec.Struct):
    """Too far behind to catch up, or longer away than changes are kept: a snapshot follows."""

    type: Literal["resync_required"]


class FeedError(msgspec.Struct):
    """A message was not understood: `malformed`, `unknown_type` or `invalid_since`. The socket lives on."""

    type: Literal["error"]
    code: str


class Pong(msgspec.Struct):
    """Answer to a ping."""

    type: Literal["pong"]


class Ping(msgspec.Struct):
    """Ask for a pong."""

    type: Literal["ping"]


class Resume(msgspec.Struct):
    """Send again what came after `since`: a `seq` on the feed of one order, a `position` on the others."""

    type: Literal["resume"]
    since: int


_QUERY = {
    "ticket": "One-use ticket from `POST /api/v1/auth/ws-ticket`.",
    "since": "Send first what came after this `seq` (on the feed of one order) or `position`.",
}
_HEARS = (Ping, Resume)
_ALWAYS = (ResyncRequired, FeedError, Pong)

describe_channel(
    Channel(
        name="order-feed",
        address="/ws/orders/{order_id}/",
        summary="Changes of one order. Another's order closes with 4404.",
        says=(OrderSnapshot, StatusMessage, *_ALWAYS),
        hears=_HEARS,
        parameters={"order_id": "Id of the order."},
        query=_QUERY,
    )
)
describe_channel(
    Channel(
        name="orders-feed",
        address="/ws/orders/",
        summary="Changes of all the caller's orders; a manager's: of all orders.",
        says=(OrdersSnapshot, StatusMessage, *_ALWAYS),
        hears=_HEARS,
        query=_QUERY,
    )
)
describe_channel(
    Channel(
        name="manager-feed",
        address="/ws/manager/",
        summary="Changes of all orders, and news of payments, applications, claims and stock, all with a `position`. "
        "For managers; others are closed with 4403.",
        says=(OrdersSnapshot, StatusMessage, NewsMessage, *_ALWAYS),
        hears=_HEARS,
        query=_QUERY,
    )
)
