"""Messages of providers: each is kept and applied once, in one transaction; their order does not matter."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from core.db import transaction
from payments.models import Payment, Status, WebhookEvent, WebhookOutcome
from payments.services.charges import ChargeReport, apply_report

_MEANING = {
    "payment.processing": Status.PROCESSING,
    "payment.completed": Status.COMPLETED,
    "payment.failed": Status.FAILED,
}


@dataclass(frozen=True)
class Message:
    """A verified webhook of a provider."""

    provider: str
    event_id: str
    type: str
    payment_id: UUID | None
    amount: Decimal | None
    currency: str
    provider_ref: str = ""
    failure_code: str = ""
    failure_detail: str = ""


def receive_webhook(*, message: Message, now: datetime) -> WebhookEvent:
    """Apply a provider's message. One that was received before changes nothing."""
    with transaction("payments"):
        event = WebhookEvent(
            provider=message.provider,
            event_id=message.event_id,
            type=message.type,
            payment_id=message.payment_id,
            outcome=WebhookOutcome.IGNORED,
            received_at=now,
        )
        WebhookEvent.objects.bulk_create([event], ignore_conflicts=True)
        kept = WebhookEvent.objects.get(provider=message.provider, event_id=message.event_id)
        if kept.id != event.id:
            return kept
        kept.outcome = _apply(message, now)
        kept.save()
    return kept


def _apply(message: Message, now: datetime) -> WebhookOutcome:
    status = _MEANING.get(message.type)
    if status is None or message.payment_id is None:
        return WebhookOutcome.IGNORED
    payment = Payment.objects.filter(pk=message.payment_id, provider=message.provider).first()
    if payment is None:
        return WebhookOutcome.UNKNOWN_PAYMENT
    report = ChargeReport(
        status=status,
        provider_ref=message.provider_ref,
        amount=message.amount,
        currency=message.currency,
        failure_code=(message.failure_code or "declined") if status == Status.FAILED else "",
        failure_detail=message.failure_detail,
    )
    if message.amount is None or not message.currency or not report.fits(payment):
        return WebhookOutcome.MISMATCH
    moved = apply_report(payment_id=payment.id, report=report, now=now)
    return WebhookOutcome.APPLIED if moved else WebhookOutcome.OLD_NEWS
