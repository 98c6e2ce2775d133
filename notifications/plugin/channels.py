"""The live feed of notifications as the AsyncAPI document shows it."""

from typing import Literal

import msgspec

from messaging.feeds.spoken import HEARS, SAYS, TICKET
from messaging.publishing.asyncapi import Channel, describe_channel
from notifications.queries.feed import ReadMessage, Told, ToldMessage


class UnreadSnapshot(msgspec.Struct):
    """The newest 100 unread notifications; the next change has a `seq` above this one.

    `is_complete` is false when there are more, which are read by `GET /notifications?is_read=false`.
    """

    type: Literal["snapshot"]
    seq: int
    is_complete: bool
    unread: list[Told]


describe_channel(
    Channel(
        name="notifications-feed",
        address="/ws/notifications/",
        summary="What the caller is told, and what they read, here or elsewhere.",
        says=(UnreadSnapshot, ToldMessage, ReadMessage, *SAYS),
        hears=HEARS,
        query={"ticket": TICKET, "since": "Send first what came after this `seq`."},
    )
)
