"""The live feeds of orders as the AsyncAPI document shows them: what each socket says and what it listens to."""

from typing import Literal

import msgspec

from messaging.feeds.spoken import HEARS, SAYS, TICKET
from messaging.publishing.asyncapi import Channel, describe_channel
from orders.queries.feed import NewsMessage, StatusMessage
from orders.queries.reading import OrderDocument


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


_QUERY = {
    "ticket": TICKET,
    "since": "Send first what came after this `seq` (on the feed of one order) or `position`.",
}

describe_channel(
    Channel(
        name="order-feed",
        address="/ws/orders/{order_id}/",
        summary="Changes of one order. Another's order closes with 4404.",
        says=(OrderSnapshot, StatusMessage, *SAYS),
        hears=HEARS,
        parameters={"order_id": "Id of the order."},
        query=_QUERY,
    )
)
describe_channel(
    Channel(
        name="orders-feed",
        address="/ws/orders/",
        summary="Changes of all the caller's orders; a manager's: of all orders.",
        says=(OrdersSnapshot, StatusMessage, *SAYS),
        hears=HEARS,
        query=_QUERY,
    )
)
describe_channel(
    Channel(
        name="manager-feed",
        address="/ws/manager/",
        summary="Changes of orders, and news of payments, applications, claims, stock and queues, with a `position`. "
        "For managers; others are closed with 4403.",
        says=(OrdersSnapshot, StatusMessage, NewsMessage, *SAYS),
        hears=HEARS,
        query=_QUERY,
    )
)
