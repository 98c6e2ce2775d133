"""Closing an order's till: what is under way is called off, what was taken goes back, and the checkout is told."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from core.db import transaction
from payments.models import IN_FLIGHT, TAKEN, OrderTill, Payment
from payments.services.charges import withdraw
from payments.services.partners import unbook_sale
from payments.services.refunds import refund_by_system
from payments.services.tills import lock_till, settle_if_empty


def shut_till(*, order_id: UUID, attempt_id: UUID | None, reason: str, now: datetime) -> OrderTill:
    """Take no money for an order ever again, and call off what is under way; what goes back is told later."""
    with transaction("payments"):
        till = lock_till(order_id)
        _shut(till, attempt_id, reason, now)
        till.save()
        for payment in _payments(till).filter(status__in=IN_FLIGHT).order_by("pk"):
            withdraw(till, payment, now)
    return till


def close_order(
    *,
    order_id: UUID,
    attempt_id: UUID | None,
    reason: str,
    now: datetime,
    keep: Decimal | None = None,
    secured: Decimal | None = None,
) -> OrderTill:
    """Return all money of an order but `keep` roubles, which are the insurers', and `secured`, which is earnest money.

    No money is taken for it ever again. A payment that is under way is waited for: should it succeed after all, it is
    refunded then. `attempt_id` is the checkout attempt that is told when nothing else is held any more; without one
    nobody is. Asked again, it answers again; with less to keep or to secure, the difference goes back.
    """
    with transaction("payments"):
        till = lock_till(order_id)
        _shut(till, attempt_id, reason, now)
        till.kept_amount = till.kept_amount if keep is None else keep
        till.secured_amount = till.secured_amount if secured is None else secured
        till.save()
        unbook_sale(order_id, now)
        kept = till.kept_amount + till.secured_amount
        for payment in _payments(till).filter(status__in=(*IN_FLIGHT, *TAKEN)).order_by("pk"):
            if payment.is_in_flight:
                withdraw(till, payment, now)
                continue
            stays = min(kept, payment.refundable)
            kept -= stays
            if payment.refundable > stays:
                refund_by_system(payment, till.reason, now, amount=payment.refundable - stays)
        settle_if_empty(till, now)
    return till


def _payments(till: OrderTill) -> "QuerySet[Payment]":
    return Payment.objects.select_for_update().filter(order_id=till.order_id)


def _shut(till: OrderTill, attempt_id: UUID | None, reason: str, now: datetime) -> None:
    if attempt_id is not None:
        till.attempt_id, till.settled_at = attempt_id, None
    if till.closed_at is None:
        till.closed_at, till.reason = now, reason[:255]
