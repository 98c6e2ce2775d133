"""Messages of providers: kept once and answered at once, applied by a worker; their order does not matter."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import msgspec

from core.db import transaction
from core.ids import find_uuid
from messaging.delivery.calls import request_call
from messaging.outbox import publish
from payments.events import WebhookReceived
from payments.models import (
    DisputeStatus,
    Payment,
    Refund,
    RefundSource,
    RefundStatus,
    Status,
    WebhookEvent,
    WebhookOutcome,
)
from payments.providers.port import Notice
from payments.services.charges import ChargeReport, apply_report, dispute_payment
from payments.services.refunds import RefundReport, apply_refund_report, find_refund, record_foreign_refund

_CHARGES = {
    "processing": Status.PROCESSING,
    "requires_action": Status.REQUIRES_ACTION,
    "authorized": Status.AUTHORIZED,
    "succeeded": Status.COMPLETED,
    "failed": Status.FAILED,
    "cancelled": Status.CANCELLED,
}
Result = tuple[WebhookOutcome, str]


def receive_webhook(*, provider: str, notice: Notice, is_trusted: bool, now: datetime) -> WebhookEvent:
    """Keep a provider's message, to be applied soon. One that was received before changes nothing.

    What is not `is_trusted` only makes us ask the provider.
    """
    with transaction("payments"):
        event = WebhookEvent(
            provider=provider,
            event_id=notice.event_id,
            type=notice.type,
            payment_id=find_uuid(notice.payment_id),
            notice=msgspec.to_builtins(notice) | {"is_trusted": is_trusted},
            outcome=WebhookOutcome.RECEIVED if notice.kind else WebhookOutcome.IGNORED,
            received_at=now,
        )
        WebhookEvent.objects.bulk_create([event], ignore_conflicts=True)
        kept = WebhookEvent.objects.get(provider=provider, event_id=notice.event_id)
        if kept.id == event.id and notice.kind:
            publish(WebhookReceived(webhook_id=event.id, subject=_subject(notice)))
    return kept


def _subject(notice: Notice) -> str:
    return (notice.payment_id or notice.charge_ref or notice.ref or notice.event_id)[:60]


def apply_webhook(*, webhook_id: UUID, now: datetime) -> WebhookEvent:
    """Do what a kept message says, once."""
    with transaction("payments"):
        event = WebhookEvent.objects.select_for_update().get(pk=webhook_id)
        if event.outcome != WebhookOutcome.RECEIVED:
            return event
        given = dict(event.notice)
        if given.pop("is_trusted", False):
            _conclude(event, _apply(event, Notice(**given), now), now)
        else:
            _ask(event, given)
    return event


def apply_confirmed(*, webhook_id: UUID, notice: Notice | None, now: datetime) -> WebhookEvent:
    """Do what the provider confirmed of a message that proved nothing; None: it knows nothing of the kind."""
    with transaction("payments"):
        event = WebhookEvent.objects.select_for_update().get(pk=webhook_id)
        if event.outcome == WebhookOutcome.ASKED:
            told = (WebhookOutcome.IGNORED, "not confirmed") if notice is None else _apply(event, notice, now)
            _conclude(event, told, now)
    return event


def _ask(event: WebhookEvent, notice: dict[str, Any]) -> None:
    event.outcome = WebhookOutcome.ASKED
    event.save()
    request_call(
        key=f"webhook:{event.id}",
        operation="payments.confirm_webhook",
        provider=event.provider,
        request={"webhook_id": str(event.id), "provider": event.provider, "notice": notice},
    )


def _conclude(event: WebhookEvent, result: Result, now: datetime) -> None:
    event.outcome, event.detail = result[0], result[1][:255]
    event.processed_at = now
    event.save()


def _apply(event: WebhookEvent, notice: Notice, now: datetime) -> Result:
    payment = _find_payment(event.provider, notice)
    if payment is None:
        return WebhookOutcome.UNKNOWN_PAYMENT, ""
    match notice.kind:
        case "charge":
            return _apply_charge(payment, notice, now)
        case "refund":
            return _apply_refund(payment, notice, now)
        case "dispute":
            return _apply_dispute(payment, notice, now)
    return WebhookOutcome.IGNORED, ""


def _find_payment(provider: str, notice: Notice) -> Payment | None:
    payments = Payment.objects.filter(provider=provider)
    payment_id = find_uuid(notice.payment_id)
    if payment_id is not None:
        return payments.filter(pk=payment_id).first()
    return payments.filter(provider_ref=notice.charge_ref).first() if notice.charge_ref else None


def _apply_charge(payment: Payment, notice: Notice, now: datetime) -> Result:
    status = _CHARGES.get(notice.status)
    if status is None:
        return WebhookOutcome.IGNORED, notice.status
    report = ChargeReport(
        status=status,
        provider_ref=notice.charge_ref,
        amount=_decimal(notice.amount),
        currency=notice.currency,
        failure_code=(notice.failure_code or "declined") if status == Status.FAILED else "",
        failure_detail=notice.failure_detail if status == Status.FAILED else "",
    )
    if report.amount is None or not notice.currency or not report.fits(payment):
        return WebhookOutcome.MISMATCH, f"{notice.amount} {notice.currency}"
    moved = apply_report(payment_id=payment.id, report=report, now=now)
    return (WebhookOutcome.APPLIED if moved else WebhookOutcome.OLD_NEWS), ""


def _apply_refund(payment: Payment, notice: Notice, now: datetime) -> Result:
    """One of ours moves on; one made at the provider's own screen is matched to its payment and booked."""
    amount = _decimal(notice.amount)
    if amount is None or notice.currency != payment.currency:
        return WebhookOutcome.MISMATCH, f"{notice.amount} {notice.currency}"
    apply_report(payment_id=payment.id, report=ChargeReport(Status.COMPLETED), now=now)
    refund = _our_refund(payment, notice) or find_refund(payment, notice.ref, amount)
    if refund is not None:
        return _move_refund(refund, notice, amount, now)
    return _record_foreign(payment, notice, amount, RefundSource.PROVIDER, now)


def _record_foreign(payment: Payment, notice: Notice, amount: Decimal, source: str, now: datetime) -> Result:
    has_failed = notice.status == "failed"
    if notice.status not in ("succeeded", "failed", "lost"):
        return WebhookOutcome.IGNORED, notice.status
    refund = record_foreign_refund(
        payment_id=payment.id, provider_ref=notice.ref, amount=amount, source=source, has_failed=has_failed, now=now
    )
    if refund is None:
        return WebhookOutcome.UNMATCHED, f"{amount} went back, less is left of the payment"
    return WebhookOutcome.APPLIED, ""


def _our_refund(payment: Payment, notice: Notice) -> Refund | None:
    refund_id = find_uuid(notice.refund_id)
    return payment.refunds.filter(pk=refund_id).first() if refund_id else None


def _move_refund(refund: Refund, notice: Notice, amount: Decimal, now: datetime) -> Result:
    if amount != refund.amount:
        return WebhookOutcome.MISMATCH, f"{amount} for a refund of {refund.amount}"
    if notice.ref in refund.past_refs or (refund.provider_ref and refund.provider_ref != notice.ref):
        return WebhookOutcome.OLD_NEWS, "an earlier attempt"
    status = {"succeeded": RefundStatus.SUCCEEDED, "failed": RefundStatus.FAILED}.get(
        notice.status, RefundStatus.SUBMITTED
    )
    report = RefundReport(status, notice.ref, notice.failure_code, notice.failure_detail)
    moved = apply_refund_report(refund_id=refund.id, attempt=refund.attempt, report=report, now=now)
    return (WebhookOutcome.APPLIED if moved else WebhookOutcome.OLD_NEWS), ""


def _apply_dispute(payment: Payment, notice: Notice, now: datetime) -> Result:
    amount = _decimal(notice.amount)
    if amount is None or notice.currency != payment.currency or not notice.ref:
        return WebhookOutcome.MISMATCH, f"{notice.amount} {notice.currency}"
    dispute, moved = dispute_payment(
        payment_id=payment.id, provider_ref=notice.ref, status=notice.status, amount=amount, now=now
    )
    if dispute.status == DisputeStatus.LOST and moved:
        return _record_foreign(payment, notice, amount, RefundSource.DISPUTE, now)
    return (WebhookOutcome.APPLIED if moved else WebhookOutcome.OLD_NEWS), ""


def _decimal(value: str | None) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
