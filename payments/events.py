"""Facts that payments publishes about money that moved, or did not."""

from decimal import Decimal
from uuid import UUID

from core.events import Event, event


@event("payment.created", aggregate="payment", key="payment_id")
class PaymentCreated(Event):
    """A payment was recorded; nothing has moved yet."""

    payment_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    method: str
    attempt_id: UUID | None = None


@event("payment.completed", aggregate="payment", key="payment_id")
class PaymentCompleted(Event):
    """Money arrived. `attempt_id` is set when the checkout saga asked for it."""

    payment_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    method: str
    attempt_id: UUID | None = None


@event("payment.failed", aggregate="payment", key="payment_id")
class PaymentFailed(Event):
    """The provider refused for good; `code` is stable (`declined`, `insufficient_funds`, `cancelled` …)."""

    payment_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    code: str
    detail: str
    attempt_id: UUID | None = None


@event("payment.refunded", aggregate="payment", key="payment_id")
class PaymentRefunded(Event):
    """Money went back; `refunded_total` is the sum of all refunds of this payment so far."""

    payment_id: UUID
    refund_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    refunded_total: Decimal
    currency: str
    reason: str
    attempt_id: UUID | None = None


@event("payment.order_settled", aggregate="order_payments", key="order_id", internal=True)
class OrderSettled(Event):
    """Answer to checkout.refund_requested: nothing of this order's money is held any more."""

    order_id: UUID
    attempt_id: UUID
    refunded: Decimal
    currency: str
