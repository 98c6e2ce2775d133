"""Orders at hand in Valkey for five minutes, and never older than the last write that committed."""

from operator import attrgetter
from uuid import UUID

import msgspec
from django.conf import settings

from gateway.responses.cache import Cache
from orders.models import Checkout, CheckoutLeg, Order, OrderLine
from orders.queries.reading import read_any

cached_orders = Cache("order", "orders", lambda: settings.ORDER_CACHE_SECONDS)


class Found(msgspec.Struct, array_like=True):
    """An order as the API shows it: `body` is its JSON."""

    customer_id: UUID
    version: int
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Found).decode


def find_order(order_id: UUID, *, viewer_id: UUID, is_staff: bool) -> Found | None:
    """One order, if this caller may see it; whose it is, is asked of every entry again."""
    packed = cached_orders.find(order_id, lambda: _read(order_id))
    found = _decode(packed) if packed is not None else None
    return found if found is not None and (is_staff or found.customer_id == viewer_id) else None


def _read(order_id: UUID) -> bytes | None:
    order = read_any(order_id)
    return None if order is None else _encode(Found(order.customer_id, order.version, msgspec.json.encode(order)))


def connect_signals() -> None:
    """Watch every table that an order is read from."""
    cached_orders.watch(Order, attrgetter("pk"), is_own=True)
    cached_orders.watch(OrderLine, attrgetter("order_id"))
    cached_orders.watch(Checkout, attrgetter("order_id"))
    cached_orders.watch(CheckoutLeg, attrgetter("checkout_id"))
