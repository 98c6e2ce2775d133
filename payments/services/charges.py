"""A payment's way from `pending` to its end: what the provider says, what a manager confirms, what is called off."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import structlog

from core.db import transaction
from messaging.calls import request_call
from messaging.outbox import publish
from payments.errors import WrongPaymentState
from payments.events import PaymentCompleted, PaymentFailed
from payments.models import IN_FLIGHT, MANUAL, OrderCopy, OrderTill, Payment, Status
from payments.services.ledger import book_charge
from payments.services.refunds import charge_key, refund_by_system
from payments.services.tills import lock_payment, settle_if_empty

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ChargeReport:
    """What a provider says of a payment; `status` is one of ours. Amount and currency, if given, must be ours too."""

    status: str
    provider_ref: str = ""
    action_url: str = ""
    failure_code: str = ""
    failure_detail: str = ""
    amount: Decimal | None = None
    currency: str = ""

    def fits(self, payment: Payment) -> bool:
        """Whether the report speaks of the same money as the payment."""
        return self.amount in (None, payment.amount) and self.currency in ("", payment.currency)


def start_charge(*, payment_id: UUID, now: datetime) -> bool:
    """Record that the provider is about to be called; False when there is nothing to call for any more."""
    with transaction("payments"):
        _, payment = lock_payment(payment_id)
        if not payment.is_in_flight or (payment.status == Status.PENDING and payment.cancel_requested_at):
            return False
        if payment.raise_to(Status.PROCESSING, now):
            payment.save()
    return True


def apply_report(*, payment_id: UUID, report: ChargeReport, now: datetime) -> bool:
    """Move a payment up to what the provider says; old news and other amounts change nothing.

    Return whether it moved. Whoever brings the news, a call's answer or a webhook, comes through here. Money that
    arrives for an order that no longer takes it goes straight back.
    """
    with transaction("payments"):
        till, payment = lock_payment(payment_id)
        previous = payment.status
        if not report.fits(payment):
            log.error(
                "payment_mismatch", payment_id=str(payment_id), amount=str(report.amount), currency=report.currency
            )
            return False
        if not payment.raise_to(report.status, now):
            return False
        payment.provider_ref = report.provider_ref or payment.provider_ref
        payment.action_url = report.action_url if report.status == Status.REQUIRES_ACTION else ""
        payment.failure_code, payment.failure_detail = report.failure_code, report.failure_detail[:255]
        _announce(till, payment, previous, now)
    return True


def capture_payment(*, payment_id: UUID, actor_id: UUID, now: datetime) -> Payment:
    """Confirm that cash or a transfer has arrived. Raises WrongPaymentState."""
    with transaction("payments"):
        till, payment = lock_payment(payment_id)
        if payment.provider != MANUAL or payment.status != Status.PENDING:
            raise WrongPaymentState(state=payment.status)
        payment.confirmed_by = actor_id
        payment.raise_to(Status.COMPLETED, now)
        _announce(till, payment, Status.PENDING, now)
    return payment


def cancel_payment(*, payment_id: UUID, now: datetime) -> Payment:
    """Call off a payment that has not ended. Raises WrongPaymentState.

    Where a provider is involved it has the last word: the payment ends when it has answered.
    """
    with transaction("payments"):
        till, payment = lock_payment(payment_id)
        if not payment.is_in_flight:
            raise WrongPaymentState(state=payment.status)
        withdraw(till, payment, now)
    return payment


def withdraw(till: OrderTill, payment: Payment, now: datetime) -> None:
    """Call off a locked payment that has not ended: by hand at once, at a provider by asking it."""
    if payment.provider == MANUAL:
        payment.raise_to(Status.CANCELLED, now)
        payment.failure_code, payment.failure_detail = "cancelled", "The payment was called off."
        _announce(till, payment, Status.PENDING, now)
        return
    if payment.cancel_requested_at is None:
        payment.cancel_requested_at = now
        payment.touch(now)
        payment.save()
    request_call(
        key=f"payment:{payment.id}:cancel",
        operation="payments.cancel",
        provider=payment.provider,
        request={"payment_id": str(payment.id), "charge_key": charge_key(payment.id)},
    )


def _announce(till: OrderTill, payment: Payment, previous: str, now: datetime) -> None:
    """Save a payment that has moved, and everything that follows from where it stands now."""
    if payment.status == Status.COMPLETED:
        _complete(till, payment, previous, now)
    else:
        payment.save()
    if payment.status in (Status.FAILED, Status.CANCELLED) and previous in IN_FLIGHT:
        publish(failed(payment))
    if not payment.is_in_flight:
        settle_if_empty(till, now)


def _complete(till: OrderTill, payment: Payment, previous: str, now: datetime) -> None:
    payment.completed_at = now
    payment.save()
    book_charge(payment, now)
    publish(
        PaymentCompleted(
            payment_id=payment.id,
            order_id=payment.order_id,
            customer_id=payment.customer_id,
            amount=payment.amount,
            currency=payment.currency,
            method=payment.method,
            attempt_id=payment.attempt_id,
        )
    )
    if till.closed_at is not None:
        refund_by_system(payment, till.reason or "order cancelled", now)
    elif previous in (Status.FAILED, Status.CANCELLED) and _is_too_much(payment):
        refund_by_system(payment, "paid twice", now)


def _is_too_much(payment: Payment) -> bool:
    """A payment thought dead came through after its order was paid otherwise."""
    total = OrderCopy.objects.filter(pk=payment.order_id).values_list("total_amount", flat=True).first()
    return total is not None and Payment.objects.filter(order_id=payment.order_id).held() > total


def failed(payment: Payment) -> PaymentFailed:
    """The fact that a payment came to nothing, and why."""
    return PaymentFailed(
        payment_id=payment.id,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        amount=payment.amount,
        currency=payment.currency,
        code=payment.failure_code or payment.status,
        detail=payment.failure_detail,
        attempt_id=payment.attempt_id,
    )
