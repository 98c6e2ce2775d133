"""What payments copies of orders, and how the copy is held against its source."""

from collections.abc import Iterator
from uuid import UUID

from messaging.copies import register_copy
from orders.public import OrderState, order_states
from payments.models import OrderCopy

CHUNK = 2000
_COLUMNS = ("order_id", "customer_id", "number", "total_amount", "currency", "status")


def copied_orders() -> Iterator[tuple[UUID, OrderState]]:
    """Every order that payments has heard of, by id, some thousands at a time."""
    reached = UUID(int=0)
    copies = OrderCopy.objects.order_by("order_id").values_list(*_COLUMNS)
    while rows := list(copies.filter(order_id__gt=reached)[:CHUNK]):
        reached = rows[-1][0]
        yield from ((row[0], OrderState(*row[1:])) for row in rows)


register_copy("payments.OrderCopy", source=order_states, copy=copied_orders, handlers=["payments.copy_orders"])
