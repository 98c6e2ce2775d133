"""The till of an order: the lock that all its money moves under, and the answer that it is empty."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import F, Sum

from core.money import DEFAULT_CURRENCY, ZERO
from messaging.outbox import publish
from payments.errors import MoneySecured
from payments.events import OrderSettled
from payments.models import CLOSED_ORDER, IN_FLIGHT, TAKEN, OrderCopy, OrderTill, Payment, Refund, RefundStatus


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


def held(order_id: UUID) -> Decimal:
    """Sum up what is here of an order's money and not set aside to go back."""
    left = Sum(F("amount") - F("refunded_amount") - F("refund_pending"), default=ZERO)
    held: Decimal = Payment.objects.filter(order_id=order_id, status__in=TAKEN).aggregate(sum=left)["sum"]
    return held


def asked_back(order_id: UUID) -> Decimal:
    """Sum up the refunds of an order that wait for a second person: they may not take what is secured."""
    waiting = Refund.objects.filter(order_id=order_id, status=RefundStatus.REQUESTED)
    asked: Decimal = waiting.aggregate(sum=Sum("amount", default=ZERO))["sum"]
    return asked


def refuse_secured(till: OrderTill, amount: Decimal, *, reserved: Decimal = ZERO) -> None:
    """Let nobody give back earnest money by hand; so much of the amount is `reserved` already. Raises MoneySecured."""
    if till.secured_amount and held(till.order_id) + reserved - amount < till.secured_amount + till.kept_amount:
        raise MoneySecured(secured=str(till.secured_amount))


def settle_if_empty(till: OrderTill, now: datetime) -> None:
    """Tell the checkout that no more of a closed order's money is held than has to be, and none under way; once."""
    if till.attempt_id is None or till.settled_at is not None:
        return
    payments = Payment.objects.filter(order_id=till.order_id)
    taken = payments.filter(status__in=TAKEN).aggregate(sum=Sum(F("amount") - F("refunded_amount"), default=ZERO))
    if taken["sum"] > till.kept_amount + till.secured_amount or payments.filter(status__in=IN_FLIGHT).exists():
        return
    till.settled_at = now
    till.save()
    refunded = payments.aggregate(total=Sum("refunded_amount"))["total"] or ZERO
    currency = payments.values_list("currency", flat=True).first() or _currency(till.order_id)
    publish(OrderSettled(order_id=till.order_id, attempt_id=till.attempt_id, refunded=refunded, currency=currency))


def _currency(order_id: UUID) -> str:
    known = OrderCopy.objects.filter(pk=order_id).values_list("currency", flat=True).first()
    return known or DEFAULT_CURRENCY
