"""What payments does when it hears of orders."""

from collections.abc import Sequence

from django.utils import timezone

from messaging.subscriptions import subscribe
from orders.events import (
    OrderCancelled,
    OrderCreated,
    OrderStatusChanged,
    OrderUpdated,
    PaymentRequested,
    RefundRequested,
)
from payments import services
from payments.services import Means


@subscribe(OrderCreated, OrderUpdated, OrderStatusChanged, OrderCancelled, lane="order_id", batch=True, replayable=True)
def copy_orders(events: Sequence[OrderCreated | OrderUpdated | OrderStatusChanged | OrderCancelled]) -> None:
    """Keep owners, totals and statuses of orders at hand."""
    services.copy_orders(events=events)


@subscribe(PaymentRequested, RefundRequested, OrderCancelled, lane="order_id")
def serve_checkout(event: PaymentRequested | RefundRequested | OrderCancelled) -> None:
    """Take or return an order's money, in the order in which that was asked."""
    match event:
        case PaymentRequested():
            _take(event)
        case RefundRequested():
            services.close_order(
                order_id=event.order_id, attempt_id=event.attempt_id, reason=event.reason, now=timezone.now()
            )
        case OrderCancelled():
            services.close_order(order_id=event.order_id, attempt_id=None, reason=event.reason, now=timezone.now())


def _take(event: PaymentRequested) -> None:
    services.request_payment(
        order_id=event.order_id,
        attempt_id=event.attempt_id,
        customer_id=event.customer_id,
        amount=event.amount,
        currency=event.currency,
        means=Means(event.method, event.token, event.payment_method_id),
        now=timezone.now(),
    )
