"""Send receipts to the fiscal operator, record what it says, and try again what it refused."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from core.db import transaction
from messaging.delivery.calls import request_call
from payments.errors import WrongReceiptState
from payments.models import Receipt, ReceiptLine, ReceiptState, ReceiptStep
from payments.queries.receipt_drafts import draw_again


@dataclass(frozen=True)
class ReceiptReport:
    """Report of the operator on a receipt; `state` is one of ours."""

    state: str
    operator_ref: str = ""
    fiscal_number: str = ""
    fiscal_sign: str = ""
    storage_number: str = ""
    registered_at: datetime | None = None
    failure_code: str = ""
    failure_detail: str = ""


def send_receipt(receipt: Receipt) -> None:
    """Have a receipt sent once this has committed; each attempt is sent once."""
    request_call(
        key=receipt.key,
        operation="payments.fiscalize",
        provider=f"fiscal-{receipt.operator}",
        request={"receipt_id": str(receipt.id), "attempt": receipt.attempt},
    )


def apply_receipt_report(*, receipt_id: UUID, attempt: int, report: ReceiptReport, now: datetime) -> bool:
    """Record what the operator says of one attempt; said again, or of an older attempt, it changes nothing.

    Return whether the receipt moved.
    """
    with transaction("payments"):
        receipt = Receipt.objects.select_for_update().get(pk=receipt_id)
        is_over = receipt.state not in (ReceiptState.WAITING, ReceiptState.SENT)
        if receipt.attempt != attempt or is_over or receipt.state == report.state:
            return False
        receipt.move(report.state, now)
        receipt.operator_ref = report.operator_ref or receipt.operator_ref
        receipt.fiscal_number, receipt.fiscal_sign = report.fiscal_number[:20], report.fiscal_sign[:20]
        receipt.storage_number, receipt.registered_at = report.storage_number[:20], report.registered_at
        receipt.failure_code, receipt.failure_detail = report.failure_code[:60], report.failure_detail[:255]
        receipt.save()
        add_step(receipt, now)
    return True


def add_step(receipt: Receipt, now: datetime, *, actor_id: UUID | None = None) -> None:
    """Write where a receipt came to into its history."""
    ReceiptStep.objects.create(
        receipt=receipt,
        state=receipt.state,
        attempt=receipt.attempt,
        code=receipt.failure_code,
        actor_id=actor_id,
        at=now,
    )


def retry_receipt(*, receipt_id: UUID, actor_id: UUID, now: datetime, contact: str = "") -> Receipt:
    """Try a refused receipt again under a new key, to a contact of the buyer if one is given.

    One that had no lines is drawn up anew, of what is known by now. Raises WrongReceiptState, ReceiptImpossible.
    """
    with transaction("payments"):
        receipt = Receipt.objects.select_for_update().get(pk=receipt_id)
        if receipt.state != ReceiptState.REFUSED:
            raise WrongReceiptState(state=receipt.state)
        if not receipt.lines.exists():
            lines = draw_again(receipt)
            ReceiptLine.objects.bulk_create(ReceiptLine(receipt=receipt, **vars(line)) for line in lines)
        receipt.move(ReceiptState.WAITING, now)
        receipt.attempt += 1
        receipt.operator = settings.FISCAL_OPERATOR
        receipt.contact, receipt.operator_ref = contact or receipt.contact, ""
        receipt.failure_code = receipt.failure_detail = ""
        receipt.save()
        add_step(receipt, now, actor_id=actor_id)
        send_receipt(receipt)
    return receipt
