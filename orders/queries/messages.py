"""Read conversations about orders: one of them, how many messages are new, and which buyers wait for an answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Count, F, QuerySet

from core.errors import NotFound
from gateway import approvals
from gateway.people import get_told
from orders.models import Order, OrderMessage, OrderThread, Side

MOST = 100
"""Conversations are counted so far."""


@dataclass(frozen=True)
class Said:
    """A message as a page shows it; `author` is who of the staff wrote it, `is_read` whether the other side has."""

    number: int
    side: str
    author: str
    text: str
    sent_at: datetime
    is_read: bool


@dataclass(frozen=True)
class ThreadView:
    """Newest messages of an order, the oldest of them first; `unread` is how many are new to the side that looks.

    `before` is the number to go on from to earlier ones, None when there are none.
    """

    side: str
    messages: list[Said]
    last_number: int
    unread: int
    waiting_since: datetime | None
    before: int | None


@dataclass(frozen=True)
class WaitingBuyer:
    """A buyer who wrote and was not answered since a moment; `customer` and `owner` (of the sale) by name."""

    order_id: UUID
    number: str
    since: datetime
    unanswered: int
    customer: str
    owner: str


@dataclass(frozen=True)
class Talk:
    """A conversation about an order as somebody of either side sees it; moments are shown in `time_zone`."""

    order_id: UUID
    number: str
    is_staff: bool
    thread: ThreadView
    time_zone: str

    @property
    def stamp(self) -> str:
        """Changes whenever it looks otherwise."""
        seen = sum(one.is_read for one in self.thread.messages)
        return f"{self.thread.last_number}-{self.thread.unread}-{seen}-{self.thread.waiting_since or ''}"


def find_visible(order_id: UUID, *, viewer_id: UUID, is_staff: bool) -> Order:
    """Return an order that somebody may see: their own, or as staff any. Raises NotFound."""
    order = Order.objects.select_related("thread").filter(pk=order_id, deleted_at__isnull=True).first()
    if order is None or not (is_staff or order.customer_id == viewer_id):
        raise NotFound
    return order


def get_side(order: Order, *, viewer_id: UUID, is_staff: bool) -> Side:
    """Return the side that somebody writes and reads for: in their own orders staff are buyers."""
    is_own = approvals.is_own("orders", person_id=viewer_id, beneficiary_id=order.customer_id)
    return Side.STAFF if is_staff and not is_own else Side.BUYER


def read_talk(order_id: UUID, *, viewer_id: UUID, is_staff: bool, before: int | None = None, limit: int = 20) -> Talk:
    """Return the conversation about an order, from its newest message or from before a number on. Raises NotFound."""
    order = find_visible(order_id, viewer_id=viewer_id, is_staff=is_staff)
    side = get_side(order, viewer_id=viewer_id, is_staff=is_staff)
    thread = read_thread(order, side, before=before, limit=limit)
    return Talk(order.id, order.number, side == Side.STAFF, thread, settings.DEALER_TIME_ZONE)


def list_messages(order: Order) -> QuerySet[OrderMessage]:
    """Messages of an order with the author's name and how far each side has read, in one statement."""
    return OrderMessage.objects.filter(order=order).annotate(
        told=get_told("author_id"),
        buyer_read=F("order__thread__buyer_read"),
        staff_read=F("order__thread__staff_read"),
    )


def is_read(message: OrderMessage) -> bool:
    """Tell of a message that `list_messages` read whether the side that it was written to has read it."""
    reached: int = getattr(message, "staff_read" if message.side == Side.BUYER else "buyer_read")
    return message.number <= reached


def read_thread(order: Order, side: str, *, before: int | None = None, limit: int = 20) -> ThreadView:
    """Return the newest messages of an order, or those before a number, as one side sees them."""
    thread: OrderThread | None = getattr(order, "thread", None)
    if thread is None:
        return ThreadView(str(side), [], last_number=0, unread=0, waiting_since=None, before=None)
    rows = list_messages(order)
    rows = rows.filter(number__lt=before) if before is not None else rows
    found = list(rows.order_by("-number")[: limit + 1])
    shown = found[:limit][::-1]
    return ThreadView(
        side=str(side),
        messages=[_say(one) for one in shown],
        last_number=thread.last_number,
        unread=count_unread({order.pk: side}).get(order.pk, 0),
        waiting_since=thread.waiting_since,
        before=shown[0].number if len(found) > limit else None,
    )


def _say(message: OrderMessage) -> Said:
    told: dict[str, str] = getattr(message, "told", None) or {}
    author = told.get("name", "") if message.side == Side.STAFF else ""
    return Said(message.number, message.side, author, message.text, message.sent_at, is_read(message))


def count_unread(sides: Mapping[UUID, str]) -> dict[UUID, int]:
    """Count what is new to a side of each order, where anything is."""
    buyers = [pk for pk, side in sides.items() if side == Side.BUYER]
    staff = [pk for pk, side in sides.items() if side == Side.STAFF]
    unread = _count_from(Side.STAFF, "buyer_read", buyers) if buyers else {}
    return unread | (_count_from(Side.BUYER, "staff_read", staff) if staff else {})


def _count_from(author: Side, reached: str, order_ids: list[UUID]) -> dict[UUID, int]:
    newer = OrderMessage.objects.filter(order__in=order_ids, side=author, number__gt=F(f"order__thread__{reached}"))
    return dict(newer.order_by().values("order_id").annotate(new=Count("pk")).values_list("order_id", "new"))


def waiting_buyers(*, limit: int) -> list[WaitingBuyer]:
    """Buyers who wait for an answer, who waits longest first."""
    rows = _waiting().annotate(customer=get_told("order__customer_id"), owner=get_told("order__manager_id"))
    columns = ("order_id", "order__number", "waiting_since", "unanswered", "customer", "owner")
    found = rows.order_by("waiting_since", "order_id").values_list(*columns)[:limit]
    return [
        WaitingBuyer(pk, number, since, unanswered, (customer or {}).get("name", ""), (owner or {}).get("name", ""))
        for pk, number, since, unanswered, customer, owner in found
        if since is not None
    ]


def messages_for_people() -> dict[str, int]:
    """Count the buyers who wait for an answer; nothing is counted beyond a hundred."""
    return {"messages_waiting": len(_waiting().values_list("pk", flat=True)[:MOST])}


def _waiting() -> QuerySet[OrderThread]:
    return OrderThread.objects.filter(waiting_since__isnull=False, order__deleted_at__isnull=True)
