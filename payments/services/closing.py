"""Closing an order's till: what is under way is called off, what was taken goes back, and the checkout is told."""

from datetime import datetime
from uuid import UUID

from core.db import transaction
from payments.models import IN_FLIGHT, TAKEN, OrderTill, Payment
from payments.services.charges import withdraw
from payments.services.refunds import refund_by_system
from payments.services.tills import lock_till, settle_if_empty


def close_order(*, order_id: UUID, attempt_id: UUID | None, reason: str, now: datetime) -> OrderTill:
    """Return all money of an order and take none for it ever again.

    A payment that is under way is waited for: should it succeed after all, it is refunded then. `attempt_id` is the
    checkout attempt that is told when nothing is held any more; without one nobody is. Asked again, it answers again
    and changes nothing.
    """
    with transaction("payments"):
        till = lock_till(order_id)
        if attempt_id is not None:
            till.attempt_id, till.settled_at = attempt_id, None
        if till.closed_at is None:
            till.closed_at, till.reason = now, reason[:255]
        till.save()
        payments = Payment.objects.select_for_update().filter(order_id=order_id)
        for payment in payments.filter(status__in=(*IN_FLIGHT, *TAKEN)).order_by("pk"):
            if payment.is_in_flight:
                withdraw(till, payment, now)
            else:
                refund_by_system(payment, till.reason, now)
        settle_if_empty(till, now)
    return till
