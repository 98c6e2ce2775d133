"""Take what other apps ask of payments: charges of loans and policies, payouts to insured people and borrowers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models import F

from core.db import transaction
from core.errors import DomainError
from core.money import ZERO
from core.secrecy.cards import refuse_card_numbers
from gateway.approvals import let, require_permit
from messaging.delivery.calls import request_call
from payments.approvals import ASKED_FOR, PROVIDER_SAYS, SENT_AGAIN
from payments.commands import Means, ReceiptItem
from payments.errors import Overpayment, PaymentInFlight
from payments.models import (
    IN_FLIGHT,
    TAKEN,
    EntryKind,
    Payment,
    Payout,
    PayoutPurpose,
    PayoutStatus,
    Purpose,
    Refund,
    Status,
)
from payments.services.facts import publish_end_again, publish_included, publish_payout, publish_requested_refund
from payments.services.ledger import About, is_posted, post, post_payout
from payments.services.order_accounts import lock_order_account
from payments.services.refunds import refund_by_system
from payments.services.taking import begin, get_provider, record_refused, refuse_switched_off, stored_method


@dataclass(frozen=True)
class Ask:
    """A request of another app, known by `request_id`: money of `customer_id` for or from its `subject_id`."""

    request_id: UUID
    subject_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    reason: str = ""
    receipt: Sequence[ReceiptItem] = ()


@dataclass(frozen=True)
class PayoutReport:
    """Report of the provider on a payout; `status` is one of ours."""

    status: str
    provider_ref: str = ""
    failure_code: str = ""
    failure_detail: str = ""


def charge_for(*, ask: Ask, purpose: Purpose, means: Means, now: datetime) -> Payment:
    """Start the payment of a loan or a policy, once per request; asked again, it is answered again.

    What stands in the way is recorded as a payment that failed, so that the other app gets its answer.
    """
    with transaction("payments"):
        lock_order_account(ask.subject_id)
        known = Payment.objects.filter(attempt_id=ask.request_id).first()
        if known is not None:
            publish_end_again(known)
            return known
        payment = _build_payment(ask, purpose, means, now)
        try:
            refuse_card_numbers([means.token])
            if ask.amount <= 0:
                raise Overpayment(amount_due="0.00")
            refuse_switched_off(means.method)
            stored = stored_method(means, ask.customer_id)
            if Payment.objects.filter(subject_id=ask.subject_id, status__in=IN_FLIGHT).exists():
                raise PaymentInFlight
        except DomainError as refusal:
            if payment.amount > 0:
                record_refused(payment, refusal)
        else:
            begin(payment, means, stored)
    return payment


def _build_payment(ask: Ask, purpose: Purpose, means: Means, now: datetime) -> Payment:
    return Payment(
        purpose=purpose,
        subject_id=ask.subject_id,
        customer_id=ask.customer_id,
        method=means.method,
        provider=get_provider(means.method),
        attempt_id=ask.request_id,
        status=Status.PENDING,
        amount=ask.amount,
        currency=ask.currency,
        description=ask.reason[:255],
        receipt=msgspec.to_builtins(list(ask.receipt)) or None,
        created_at=now,
        updated_at=now,
    )


def refund_for(
    *, ask: Ask, purpose: PayoutPurpose, now: datetime, order_id: UUID | None = None
) -> Refund | Payout | None:
    """Return part of a premium, or the price of a seat, by the way it was paid; by a payout if no payment has it.

    An order that gives everything back gives this back with the rest: it is answered, and nothing leaves twice.
    """
    with transaction("payments"):
        account = lock_order_account(order_id or ask.subject_id)
        known = Refund.objects.select_related("payment").filter(request_id=ask.request_id).first()
        if known is not None:
            publish_requested_refund(known.payment, known)
            return known
        if order_id is not None and account.attempt_id is not None:
            publish_included(ask.request_id, purpose, ask.subject_id, ask.customer_id, ask.amount, ask.currency)
            return None
        payments = Payment.objects.select_for_update().filter(status__in=TAKEN, currency=ask.currency)
        paid = payments.filter(order_id=order_id) if order_id else payments.filter(subject_id=ask.subject_id)
        rest = F("amount") - F("refunded_amount") - F("refund_pending")
        for payment in paid.annotate(rest=rest).filter(rest__gte=ask.amount).order_by("pk"):
            refund = refund_by_system(
                payment, ask.reason, now, amount=ask.amount, request_id=ask.request_id, subject_id=ask.subject_id
            )
            if refund is not None:
                return refund
        let(ASKED_FOR)
        if order_id is not None and not is_posted(EntryKind.PAYOUT_DUE, ask.request_id):
            about = About(EntryKind.PAYOUT_DUE, ask.request_id, ask.currency, order_id=order_id)
            post(about, {f"order:{order_id}": ask.amount, f"{purpose}:{ask.subject_id}": -ask.amount}, now)
        return pay_out(ask=ask, purpose=purpose, now=now)


def pay_claim(*, ask: Ask, insurer: str, now: datetime, payee: str = "") -> Payout:
    """Pay an approved claim, to the bank that `payee` names or else to the customer; the insurer owes us as much."""
    with transaction("payments"):
        let(ASKED_FOR)
        known = Payout.objects.filter(request_id=ask.request_id).exists()
        if not known and ask.amount > ZERO:
            about = About(EntryKind.CLAIM, ask.request_id, ask.currency, customer_id=ask.customer_id)
            sides = {f"insurer:{insurer or 'partner'}": ask.amount, f"claim:{ask.subject_id}": -ask.amount}
            post(about, sides, now)
        return pay_out(ask=ask, purpose=PayoutPurpose.CLAIM, now=now, payee=payee)


def pay_out(*, ask: Ask, purpose: PayoutPurpose, now: datetime, payee: str = "") -> Payout:
    """Send money to the customer, or to the `payee` named, once per request; asked again, it is answered again."""
    with transaction("payments"):
        let(ASKED_FOR)
        lock_order_account(ask.subject_id)
        payout, is_new = Payout.objects.select_for_update().get_or_create(
            request_id=ask.request_id,
            defaults={
                "purpose": purpose,
                "subject_id": ask.subject_id,
                "customer_id": ask.customer_id,
                "amount": ask.amount,
                "currency": ask.currency,
                "reason": ask.reason[:255],
                "payee": payee[:100],
                "provider": settings.PAYOUT_PROVIDER,
                "created_at": now,
                "updated_at": now,
            },
        )
        if is_new:
            _send(payout)
        else:
            publish_payout(payout)
    return payout


def retry_payout(*, payout_id: UUID, now: datetime) -> Payout:
    """Try a failed payout again under a new key. Raises WrongPayoutState."""
    with transaction("payments"):
        payout = Payout.objects.select_for_update().get(pk=payout_id)
        payout.move(PayoutStatus.SUBMITTED, now)
        payout.attempt += 1
        payout.failure_code = payout.failure_detail = ""
        payout.save()
        let(SENT_AGAIN)
        _send(payout)
    return payout


def _send(payout: Payout) -> None:
    require_permit("payments")
    request: dict[str, Any] = {
        "payout_id": str(payout.id),
        "attempt": payout.attempt,
        "customer_id": str(payout.customer_id),
        "payee": payout.payee,
        "amount": str(payout.amount),
        "currency": payout.currency,
        "description": payout.reason,
    }
    request_call(key=payout.key, operation="payments.payout", provider=payout.provider, request=request)


def apply_payout_report(*, payout_id: UUID, attempt: int, report: PayoutReport, now: datetime) -> None:
    """Record what the provider says of one attempt; said again, or of an older attempt, it changes nothing."""
    with transaction("payments"):
        payout = Payout.objects.select_for_update().get(pk=payout_id)
        if payout.attempt != attempt or payout.status != PayoutStatus.SUBMITTED:
            return
        payout.provider_ref = report.provider_ref or payout.provider_ref
        if report.status != PayoutStatus.SUBMITTED:
            payout.move(report.status, now)
            payout.failure_code, payout.failure_detail = report.failure_code, report.failure_detail[:255]
        payout.succeeded_at = now if payout.status == PayoutStatus.SUCCEEDED else None
        payout.save()
        let(PROVIDER_SAYS)
        if payout.status == PayoutStatus.SUCCEEDED:
            post_payout(payout, now)
        publish_payout(payout)
