"""Orders at hand in Valkey for five minutes, and never older than the last write that committed."""

from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models.signals import post_delete, post_save

from gateway.responses.cache import Cache
from orders.models import Checkout, CheckoutLeg, Order, OrderLine
from orders.queries.reading import read_any

copies = Cache("order", "orders", lambda: settings.ORDER_CACHE_SECONDS)


class Found(msgspec.Struct, array_like=True):
    """An order as the API shows it: `body` is its JSON."""

    customer_id: UUID
    version: int
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Found).decode


def find_order(order_id: UUID, *, viewer_id: UUID, is_staff: bool) -> Found | None:
    """One order, if this caller may see it; whose it is, is asked of every copy again."""
    packed = copies.find(order_id, lambda: _read(order_id))
    found = _decode(packed) if packed is not None else None
    return found if found is not None and (is_staff or found.customer_id == viewer_id) else None


def _read(order_id: UUID) -> bytes | None:
    order = read_any(order_id)
    return None if order is None else _encode(Found(order.customer_id, order.version, msgspec.json.encode(order)))


def forget_order(order_id: UUID, *, is_new: bool = False) -> None:
    """Drop the order's copy with the transaction that changes it; needed by hand only for writes past `save()`."""
    copies.forget(order_id, is_new=is_new)


def connect_signals() -> None:
    """Watch every table that an order is read from."""
    for model in (Order, OrderLine, Checkout, CheckoutLeg):
        post_save.connect(_forget, sender=model, dispatch_uid=f"order-cache-save-{model.__name__}")
        post_delete.connect(_forget, sender=model, dispatch_uid=f"order-cache-delete-{model.__name__}")


def _forget(sender: Any, instance: Any, created: bool = False, **_: Any) -> None:
    if isinstance(instance, Order):
        forget_order(instance.pk, is_new=created)
    elif isinstance(instance, CheckoutLeg):
        forget_order(instance.checkout_id)
    else:
        forget_order(instance.order_id)
