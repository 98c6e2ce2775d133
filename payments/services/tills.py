"""The till of an order: the lock that all its money moves under, and the answer that it is empty."""

from datetime import datetime
from uuid import UUID

from django.db.models import F, Sum

from core.money import DEFAULT_CURRENCY, ZERO
from messaging.outbox import publish
from payments.events import OrderSettled
from payments.models import CLOSED_ORDER, IN_FLIGHT, TAKEN, OrderCopy, OrderTill, Payment


def lock_till(order_id: UUID) -> OrderTill:
    """Lock the order's till, made on first use. Always locked before payments and refunds, so nothing deadlocks."""
    OrderTill.objects.bulk_create([OrderTill(order_id=order_id)], ignore_conflicts=True)
    return OrderTill.objects.select_for_update().get(pk=order_id)


def lock_payment(payment_id: UUID) -> tuple[OrderTill, Payment]:
    """Lock the till a payment's money moves under, then the payment. Raises Payment.DoesNotExist."""
    order_id, subject_id = Payment.objects.values_list("order_id", "subject_id").get(pk=payment_id)
    till = lock_till(order_id or subject_id or payment_id)
    return till, Payment.objects.select_for_update().get(pk=payment_id)


def is_closed(till: OrderTill, order: OrderCopy | None) -> bool:
    """Tell whether the order takes no more money."""
    return till.closed_at is not None or (order is not None and order.status in CLOSED_ORDER)


def settle_if_empty(till: OrderTill, now: datetime) -> None:
    """Tell the checkout that nothing of a closed order's money is held or under way any more, once per asking."""
    if till.attempt_id is None or till.settled_at is not None:
        return
    payments = Payment.objects.filter(order_id=till.order_id)
    taken = payments.filter(status__in=TAKEN).aggregate(sum=Sum(F("amount") - F("refunded_amount"), default=ZERO))
    if taken["sum"] > till.kept_amount or payments.filter(status__in=IN_FLIGHT).exists():
        return
    till.settled_at = now
    till.save()
    refunded = payments.aggregate(total=Sum("refunded_amount"))["total"] or ZERO
    currency = payments.values_list("currency", flat=True).first() or _currency(till.order_id)
    publish(OrderSettled(order_id=till.order_id, attempt_id=till.attempt_id, refunded=refunded, currency=currency))


def _currency(order_id: UUID) -> str:
    known = OrderCopy.objects.filter(pk=order_id).values_list("currency", flat=True).first()
    return known or DEFAULT_CURRENCY
