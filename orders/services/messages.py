"""Messages of an order: written by its buyer or by staff, read, and settled where nothing needs an answer."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import InvalidInput
from messaging.outbox import publish
from messaging.people.departures import refuse_leavers
from orders.errors import TooManyMessages, TransitionNotYours
from orders.events import MessageSent
from orders.models import Order, OrderMessage, OrderThread, Side
from orders.models.messages import LONGEST
from orders.queries.messages import find_visible, get_side
from orders.services.history import Actor

UNANSWERED_AT_MOST = 20
"""Messages that a buyer may write before somebody answers."""


def send_message(*, order_id: UUID, text: str, actor: Actor, now: datetime) -> OrderMessage:
    """Write plain text to the other side of an order, in whatever state it is. Publishes MessageSent.

    Raises NotFound, InvalidInput (nothing written, or more than 2,000 characters), TooManyMessages, AccountClosing.
    """
    text = _require_text(text)
    with transaction("orders"):
        order, side = _find(order_id, actor)
        refuse_leavers("orders", order.customer_id)
        thread = _lock_thread(order)
        if side == Side.BUYER and thread.unanswered >= UNANSWERED_AT_MOST:
            raise TooManyMessages(limit=UNANSWERED_AT_MOST)
        is_first = thread.waiting_since is None
        number = thread.add(side, now=now)
        thread.save()
        sent = OrderMessage.objects.create(
            order=order, number=number, side=side, author_id=actor.id, text=text, sent_at=now
        )
        publish(
            MessageSent(
                order_id=order.id,
                number=order.number,
                customer_id=order.customer_id,
                message_id=sent.id,
                side=str(side.value),
                manager_id=order.manager_id,
                is_first=is_first,
            )
        )
    return sent


def read_messages(*, order_id: UUID, until: int, actor: Actor) -> OrderThread:
    """Mark what the other side wrote as read, up to a number; again changes nothing. Raises NotFound."""
    with transaction("orders"):
        order, side = _find(order_id, actor)
        thread = _lock_thread(order)
        thread.read(side, until)
        thread.save()
    return thread


def settle_thread(*, order_id: UUID, actor: Actor) -> OrderThread:
    """Say that nothing in it needs an answer: its buyer waits no more, and all of it is read.

    Raises NotFound, TransitionNotYours (the buyer's own order).
    """
    with transaction("orders"):
        order, side = _find(order_id, actor)
        if side != Side.STAFF:
            raise TransitionNotYours
        thread = _lock_thread(order)
        thread.settle()
        thread.read(Side.STAFF, thread.last_number)
        thread.save()
    return thread


def _find(order_id: UUID, actor: Actor) -> tuple[Order, Side]:
    order = find_visible(order_id, viewer_id=actor.id, is_staff=actor.is_staff)
    return order, get_side(order, viewer_id=actor.id, is_staff=actor.is_staff)


def _lock_thread(order: Order) -> OrderThread:
    OrderThread.objects.get_or_create(order=order)
    return OrderThread.objects.select_for_update().get(pk=order.pk)


def _require_text(text: str) -> str:
    text = text.strip()
    if not text:
        raise InvalidInput("text", "required", _("Write what you want to say."))
    if len(text) > LONGEST:
        raise InvalidInput("text", "max_length", _("At most %(most)d characters.") % {"most": LONGEST})
    return text
