"""Answers of the other apps, as the saga hears them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone

from catalog.events import (
    Shortfall,
    StockRejected,
    StockReleased,
    StockReserved,
    TradeInEntered,
    TradeInKept,
    TradeInLeft,
)
from core.events import Event
from core.ids import uuid7
from financing.events import (
    ApplicationAccepted,
    ApplicationApproved,
    ApplicationRejected,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    LoanDisbursed,
)
from insurance.events import IssuedPolicy, PoliciesDeclined, PoliciesIssued, PoliciesRevoked
from orders import services
from orders.models import CheckoutLeg, DepositAgreement, Order
from payments.events import (
    ForfeitSettled,
    OrderSettled,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundPending,
    PayoutSettled,
)


def attempt(order: Order, kind: str) -> UUID:
    """The attempt that a leg is waiting for."""
    return CheckoutLeg.objects.get(checkout_id=order.id, kind=kind).attempt_id


def receive(event: Event, *, now: datetime | None = None) -> None:
    """Let the saga hear something, twice, as a relay may deliver it."""
    services.react(event=event, now=now or timezone.now())


def reserved(order: Order, **more: Any) -> StockReserved:
    until = timezone.now() + timedelta(minutes=30)
    fields = {"attempt_id": attempt(order, "stock"), "lines": [], "levels": [], "expires_at": until}
    return StockReserved(order_id=order.id, **(fields | more))


def rejected(order: Order) -> StockRejected:
    shortfall = Shortfall(product_id=uuid7(), requested=1, available=0)
    return StockRejected(
        order_id=order.id,
        attempt_id=attempt(order, "stock"),
        code="insufficient_stock",
        detail="Sold out.",
        shortfalls=[shortfall],
    )


def released(order: Order, reason: str = "cancelled") -> StockReleased:
    return StockReleased(order_id=order.id, attempt_id=attempt(order, "stock"), reason=reason, levels=[])


def entered(order: Order, product_id: UUID | None = None, **more: Any) -> TradeInEntered:
    """The car given in exchange is in stock."""
    return TradeInEntered(order_id=order.id, product_id=product_id or uuid7(), sku="TRADE-IN-1", **more)


def left(order: Order) -> TradeInLeft:
    """The car given in exchange is in stock no more."""
    return TradeInLeft(order_id=order.id)


def kept(order: Order) -> TradeInKept:
    """The car given in exchange was sold meanwhile."""
    return TradeInKept(order_id=order.id, product_id=uuid7(), sku="TRADE-IN-1", reason="sold")


def _payment(order: Order, amount: str | None, payment_id: UUID | None, by_saga: bool) -> dict[str, Any]:
    return {
        "payment_id": payment_id or uuid7(),
        "order_id": order.id,
        "customer_id": order.customer_id,
        "amount": Decimal(amount) if amount else order.total_amount,
        "currency": "RUB",
        "attempt_id": attempt(order, "payment") if by_saga else None,
    }


def started(order: Order, payment_id: UUID, *, amount: str | None = None) -> PaymentCreated:
    return PaymentCreated(method="card", **_payment(order, amount, payment_id, False))


def paid(
    order: Order, *, amount: str | None = None, payment_id: UUID | None = None, by_saga: bool = True
) -> PaymentCompleted:
    return PaymentCompleted(method="card", **_payment(order, amount, payment_id, by_saga))


def declined(order: Order, *, payment_id: UUID | None = None, by_saga: bool = True) -> PaymentFailed:
    return PaymentFailed(code="declined", detail="The bank refused.", **_payment(order, None, payment_id, by_saga))


def refunded(order: Order, payment_id: UUID, amount: str) -> PaymentRefunded:
    fields = _payment(order, amount, payment_id, True)
    return PaymentRefunded(refund_id=uuid7(), refunded_total=Decimal(amount), reason="cancelled", **fields)


def given_back(
    order: Order, payment_id: UUID, amount: str, *, total: str | None = None, cause: str = "by_hand", **more: Any
) -> PaymentRefunded:
    """A refund that somebody made by hand; `total` is all that went back of the payment so far."""
    fields = _payment(order, amount, payment_id, True) | {"refund_id": uuid7(), "reason": "scratches"} | more
    return PaymentRefunded(refunded_total=Decimal(total or amount), cause=cause, **fields)


def refund_pending(order: Order, payment_id: UUID, amount: str) -> PaymentRefundPending:
    return PaymentRefundPending(
        payment_id=payment_id, order_id=order.id, refund_pending=Decimal(amount), currency="RUB"
    )


def refund_came_back(order: Order, payment_id: UUID, amount: str, *, total: str = "0.00") -> PaymentRefundFailed:
    fields = _payment(order, amount, payment_id, False)
    del fields["attempt_id"]
    return PaymentRefundFailed(refund_id=uuid7(), refunded_total=Decimal(total), code="account_closed", **fields)


def settled(order: Order, refunded: str = "0.00") -> OrderSettled:
    return OrderSettled(
        order_id=order.id, attempt_id=attempt(order, "payment"), refunded=Decimal(refunded), currency="RUB"
    )


def forfeited(order: Order, amount: str) -> ForfeitSettled:
    """Payments has earned the order's earnest money."""
    found = DepositAgreement.objects.get(order_id=order.id)
    return ForfeitSettled(
        request_id=found.id,
        order_id=order.id,
        customer_id=order.customer_id,
        amount=Decimal(amount),
        currency="RUB",
    )


def paid_out(order: Order, amount: str, *, is_paid: bool = True, purpose: str = "deposit") -> PayoutSettled:
    """The second half of the order's earnest money was paid, or was not."""
    found = DepositAgreement.objects.get(order_id=order.id)
    return PayoutSettled(
        request_id=found.id,
        purpose=purpose,
        subject_id=order.id,
        customer_id=order.customer_id,
        is_paid=is_paid,
        amount=Decimal(amount),
        currency="RUB",
        code="" if is_paid else "declined",
    )


def loan_approved(order: Order, amount: str, *, is_accepted: bool = True) -> ApplicationApproved:
    return ApplicationApproved(
        application_id=uuid7(),
        order_id=order.id,
        customer_id=order.customer_id,
        amount=Decimal(amount),
        currency="RUB",
        annual_rate=Decimal("14.90"),
        term_months=36,
        monthly_payment=Decimal("10000.00"),
        expires_at=timezone.now(),
        is_accepted=is_accepted,
        attempt_id=attempt(order, "loan"),
    )


def loan_accepted(order: Order, amount: str) -> ApplicationAccepted:
    """The buyer accepted what the bank offered the checkout."""
    return ApplicationAccepted(
        application_id=uuid7(),
        order_id=order.id,
        customer_id=order.customer_id,
        amount=Decimal(amount),
        currency="RUB",
        attempt_id=attempt(order, "loan"),
    )


def loan_rejected(order: Order) -> ApplicationRejected:
    return ApplicationRejected(
        application_id=uuid7(),
        order_id=order.id,
        customer_id=order.customer_id,
        reasons=["dti"],
        detail="Too much of the income would go into debts.",
        attempt_id=attempt(order, "loan"),
    )


def loan_withdrawn(order: Order) -> ApplicationWithdrawn:
    return ApplicationWithdrawn(
        application_id=uuid7(),
        order_id=order.id,
        customer_id=order.customer_id,
        reason="cancelled",
        attempt_id=attempt(order, "loan"),
    )


def disbursed(order: Order, amount: str) -> LoanDisbursed:
    return LoanDisbursed(
        application_id=uuid7(),
        loan_id=uuid7(),
        order_id=order.id,
        customer_id=order.customer_id,
        amount=Decimal(amount),
        currency="RUB",
        attempt_id=attempt(order, "loan"),
    )


def issued(order: Order) -> PoliciesIssued:
    policy = IssuedPolicy(policy_id=uuid7(), insurance_type="osago", premium=Decimal("5000.00"))
    return PoliciesIssued(order_id=order.id, attempt_id=attempt(order, "policies"), policies=[policy])


def not_insured(order: Order) -> PoliciesDeclined:
    return PoliciesDeclined(
        order_id=order.id, attempt_id=attempt(order, "policies"), code="declined", detail="Not insurable."
    )


def revoked(order: Order, earned: str = "0.00") -> PoliciesRevoked:
    return PoliciesRevoked(order_id=order.id, attempt_id=attempt(order, "policies"), earned=Decimal(earned))


def loan_submitted(order: Order) -> ApplicationSubmitted:
    application_id = uuid7()
    return ApplicationSubmitted(
        application_id=application_id,
        order_id=order.id,
        customer_id=order.customer_id,
        amount=Decimal("1000.00"),
        currency="RUB",
        attempt_id=application_id,
    )
