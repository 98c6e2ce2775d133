"""Policies of an order that end before their term: what goes back to the buyer is not owed for the order any more."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from core.db import transaction
from orders.services.saga import Saga


def record_returned_premium(*, order_id: UUID, amount: Decimal, reason: str, now: datetime) -> None:
    """Ask the buyer for `amount` less, in the order's currency: insurance gives back as much of a premium.

    An order that is being undone gives everything back anyway; an unknown one changes nothing.
    """
    with transaction("orders"):
        saga = Saga.load(order_id, now)
        if saga is None or saga.checkout.is_undoing or saga.order.is_called_off:
            return
        saga.order.returned_premiums += amount
        saga.order.touch(now)
        saga.record("order.premium_returned", reason=reason, data={"amount": str(amount)})
        saga.publish_updated()
        saga.save()
