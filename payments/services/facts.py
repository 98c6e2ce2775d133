"""Publish what happens to a payment: to everybody if it is an order's, else to the app that asked."""

from decimal import Decimal
from uuid import UUID

from messaging.outbox import publish
from payments.events import (
    ChargeSettled,
    ForfeitSettled,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundPending,
    PayoutSettled,
)
from payments.models import Payment, Payout, PayoutPurpose, PayoutStatus, Purpose, Refund, RefundStatus


def publish_created(payment: Payment) -> None:
    """A payment stands."""
    if payment.purpose != Purpose.ORDER:
        return
    publish(
        PaymentCreated(
            payment_id=payment.id,
            order_id=payment.order_account_id,
            customer_id=payment.customer_id,
            amount=payment.amount,
            currency=payment.currency,
            method=payment.method,
            attempt_id=payment.attempt_id,
        )
    )


def publish_completed(payment: Payment) -> None:
    """Its money arrived."""
    if payment.purpose != Purpose.ORDER:
        _answer(payment, is_paid=True)
        return
    publish(
        PaymentCompleted(
            payment_id=payment.id,
            order_id=payment.order_account_id,
            customer_id=payment.customer_id,
            amount=payment.amount,
            currency=payment.currency,
            method=payment.method,
            attempt_id=payment.attempt_id,
        )
    )


def publish_failed(payment: Payment) -> None:
    """It came to nothing, and why."""
    if payment.purpose != Purpose.ORDER:
        _answer(payment, is_paid=False)
        return
    publish(
        PaymentFailed(
            payment_id=payment.id,
            order_id=payment.order_account_id,
            customer_id=payment.customer_id,
            amount=payment.amount,
            currency=payment.currency,
            code=payment.failure_code or payment.status,
            detail=payment.failure_detail,
            attempt_id=payment.attempt_id,
        )
    )


def publish_end_again(payment: Payment) -> None:
    """Answer a request that was asked again: the first answer may have been lost on a desk. Under way: nothing yet."""
    if payment.is_taken:
        publish_completed(payment)
    elif not payment.is_in_flight:
        publish_failed(payment)


def publish_refunded(payment: Payment, refund: Refund) -> None:
    """Money went back."""
    if payment.purpose == Purpose.ORDER:
        publish(
            PaymentRefunded(
                payment_id=payment.id,
                refund_id=refund.id,
                order_id=payment.order_account_id,
                customer_id=payment.customer_id,
                amount=refund.amount,
                refunded_total=payment.refunded_amount,
                currency=payment.currency,
                reason=refund.reason,
                attempt_id=payment.attempt_id,
                cause=refund.cause,
                refund_pending=payment.refund_pending,
            )
        )
    _answer_refund(payment, refund)


def publish_refund_pending(payment: Payment) -> None:
    """Money of an order is set aside to go back, or no more."""
    if payment.purpose == Purpose.ORDER:
        publish(
            PaymentRefundPending(
                payment_id=payment.id,
                order_id=payment.order_account_id,
                refund_pending=payment.refund_pending,
                currency=payment.currency,
            )
        )


def publish_refund_failed(payment: Payment, refund: Refund, *, had_succeeded: bool) -> None:
    """Money did not go back, or came back to us; only the latter changes what was said before."""
    if had_succeeded and payment.purpose == Purpose.ORDER:
        publish(
            PaymentRefundFailed(
                payment_id=payment.id,
                refund_id=refund.id,
                order_id=payment.order_account_id,
                customer_id=payment.customer_id,
                amount=refund.amount,
                refunded_total=payment.refunded_amount,
                currency=payment.currency,
                code=refund.failure_code,
                detail=refund.failure_detail,
            )
        )
    elif not had_succeeded:
        publish_refund_pending(payment)
    _answer_refund(payment, refund)


def publish_payout(payout: Payout) -> None:
    """A payout ended; still under way it has no answer yet."""
    if payout.status == PayoutStatus.SUBMITTED:
        return
    publish(
        PayoutSettled(
            request_id=payout.request_id,
            purpose=payout.purpose,
            subject_id=payout.subject_id,
            customer_id=payout.customer_id,
            is_paid=payout.status == PayoutStatus.SUCCEEDED,
            amount=payout.amount,
            currency=payout.currency,
            code=payout.failure_code,
            detail=payout.failure_detail,
        )
    )


def publish_included(
    request_id: UUID, purpose: PayoutPurpose, subject_id: UUID, customer_id: UUID, amount: Decimal, currency: str
) -> None:
    """Answer a refund that goes back with everything else of its order."""
    publish(
        PayoutSettled(
            request_id=request_id,
            purpose=purpose,
            subject_id=subject_id,
            customer_id=customer_id,
            is_paid=True,
            amount=amount,
            currency=currency,
        )
    )


def publish_forfeited(request_id: UUID, order_id: UUID, customer_id: UUID, amount: Decimal, currency: str) -> None:
    """Earnest money is ours now."""
    publish(
        ForfeitSettled(
            request_id=request_id, order_id=order_id, customer_id=customer_id, amount=amount, currency=currency
        )
    )


def publish_requested_refund(payment: Payment, refund: Refund) -> None:
    """Answer again a refund that another app had asked for, if it has ended."""
    if refund.status in (RefundStatus.SUCCEEDED, RefundStatus.FAILED, RefundStatus.REJECTED):
        _answer_refund(payment, refund)


def _answer(payment: Payment, *, is_paid: bool) -> None:
    if payment.attempt_id is None:
        return
    publish(
        ChargeSettled(
            request_id=payment.attempt_id,
            payment_id=payment.id,
            purpose=payment.purpose,
            subject_id=payment.order_account_id,
            customer_id=payment.customer_id,
            is_paid=is_paid,
            amount=payment.amount,
            currency=payment.currency,
            code="" if is_paid else payment.failure_code or payment.status,
            detail="" if is_paid else payment.failure_detail,
        )
    )


def _answer_refund(payment: Payment, refund: Refund) -> None:
    if refund.request_id is None:
        return
    publish(
        PayoutSettled(
            request_id=refund.request_id,
            purpose=PayoutPurpose.POLICY if payment.purpose == Purpose.ORDER else payment.purpose,
            subject_id=refund.subject_id or payment.order_account_id,
            customer_id=refund.customer_id,
            is_paid=refund.status == RefundStatus.SUCCEEDED,
            amount=refund.amount,
            currency=refund.currency,
            code=refund.failure_code or ("rejected" if refund.status == RefundStatus.REJECTED else ""),
            detail=refund.failure_detail,
        )
    )
