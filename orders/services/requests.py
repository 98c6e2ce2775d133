"""What each leg of a checkout asks of another app, and how that is taken back."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from core.events import Event
from messaging.outbox import publish
from orders import events
from orders.models import CheckoutLeg, LegKind, Order

if TYPE_CHECKING:
    from orders.services.saga import Saga


def _request_stock(saga: "Saga", leg: CheckoutLeg) -> None:
    until = saga.order.reservation_expires_at or saga.now
    lines = [
        events.RequestedLine(product_id=line.product_id, quantity=line.quantity)
        for line in saga.lines
        if line.product_id
    ]
    publish(
        events.StockRequested(
            order_id=saga.order.id,
            attempt_id=leg.attempt_id,
            lines=lines,
            expires_at=until,
        )
    )


def _request_loan(saga: "Saga", leg: CheckoutLeg) -> None:
    publish(
        events.LoanRequested(
            order_id=saga.order.id,
            attempt_id=leg.attempt_id,
            customer_id=saga.order.customer_id,
            currency=saga.order.currency,
            application=leg.request,
            auto_accept=bool(leg.request.get("auto_accept", True)),
        )
    )


def _request_payment(saga: "Saga", leg: CheckoutLeg) -> None:
    """Ask for the payment named in the order; with none, or with part of it, wait for the buyer to pay."""
    due = due_from_buyer(saga.order)
    if due <= 0:
        saga.succeed(LegKind.PAYMENT)
        return
    if not leg.request.get("method") or leg.request.get("is_spent"):
        saga.wait()
        return
    amount = min(Decimal(leg.request.get("amount") or due), due)
    method_id = leg.request.get("payment_method_id")
    publish(
        events.PaymentRequested(
            order_id=saga.order.id,
            attempt_id=leg.attempt_id,
            customer_id=saga.order.customer_id,
            amount=amount,
            currency=saga.order.currency,
            method=leg.request["method"],
            token=leg.request.get("token") or "",
            payment_method_id=UUID(method_id) if method_id else None,
        )
    )


def _request_policies(saga: "Saga", leg: CheckoutLeg) -> None:
    publish(
        events.PoliciesRequested(
            order_id=saga.order.id,
            attempt_id=leg.attempt_id,
            customer_id=saga.order.customer_id,
            currency=saga.order.currency,
            quotes=leg.request["quotes"],
        )
    )


def _request_disbursement(saga: "Saga", leg: CheckoutLeg) -> None:
    loan = saga.legs[LegKind.LOAN]
    publish(events.DisbursementRequested(order_id=saga.order.id, attempt_id=loan.attempt_id))


REQUESTS: dict[str, Callable[["Saga", CheckoutLeg], None]] = {
    LegKind.STOCK: _request_stock,
    LegKind.LOAN: _request_loan,
    LegKind.PAYMENT: _request_payment,
    LegKind.POLICIES: _request_policies,
    LegKind.DISBURSEMENT: _request_disbursement,
}


def _undo(event: type[Event]) -> Callable[["Saga", CheckoutLeg], None]:
    def request(saga: "Saga", leg: CheckoutLeg) -> None:
        reason = (saga.checkout.failure or {}).get("code", "cancelled")
        publish(event(order_id=saga.order.id, attempt_id=leg.attempt_id, reason=reason))

    return request


UNDO: dict[str, Callable[["Saga", CheckoutLeg], None]] = {
    LegKind.STOCK: _undo(events.StockReleaseRequested),
    LegKind.LOAN: _undo(events.LoanWithdrawalRequested),
    LegKind.PAYMENT: _undo(events.RefundRequested),
    LegKind.POLICIES: _undo(events.PoliciesCancelRequested),
}


def due_from_buyer(order: Order) -> Decimal:
    """What the buyer has to pay by themselves: the total less the loan and what is paid."""
    return order.total_amount - order.loan_amount - order.amount_paid
