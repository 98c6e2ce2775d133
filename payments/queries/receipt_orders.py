"""Describe receipts to those who register them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from core.clock import dealer_day
from payments.errors import ReceiptImpossible
from payments.models import FiscalSpan, Payment, Receipt, ReceiptKind, ReceiptState, Refund
from payments.queries import receipt_drafts as drafts
from payments.rules.receipts import SUBJECTS, Line


@dataclass(frozen=True)
class ReceiptOrder:
    """Order to an operator: who it is, the buyer, and the receipt itself as `payments.providers.fiscal` takes it."""

    operator: str
    customer_id: UUID | None
    contact: str
    body: dict[str, Any]


def describe_receipt(*, receipt_id: UUID, attempt: int) -> ReceiptOrder | None:
    """Describe a receipt to its operator; None when this attempt has nothing to send any more."""
    receipt = Receipt.objects.select_related("payment", "cause__refund", "corrects").get(pk=receipt_id)
    if receipt.attempt != attempt or receipt.state not in (ReceiptState.WAITING, ReceiptState.SENT):
        return None
    body = {
        "operation": receipt.operation,
        "kind": receipt.kind,
        "amount": str(receipt.amount),
        "currency": receipt.currency,
        "settled_at": receipt.settled_at.isoformat(),
        "paid_as": "advance" if receipt.kind == ReceiptKind.OFFSET else "electronic",
        "lines": [_show(line) for line in drafts.list_lines(receipt)],
        "ref": receipt.operator_ref,
        **_about_payment(receipt),
        **_about_correction(receipt),
    }
    return ReceiptOrder(receipt.operator, receipt.customer_id, receipt.contact, body)


def _show(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "quantity": line.quantity,
        "unit_price": str(line.unit_price),
        "amount": str(line.amount),
        "vat_code": line.vat_code,
        "subject": line.subject,
        "subject_code": SUBJECTS[line.subject],
        "method": line.method,
        "marking_code": line.marking_code,
        "vat_amount": None if line.vat_amount is None else str(line.vat_amount),
        "supplier": {"name": line.supplier_name, "inn": line.supplier_inn, "phone": line.supplier_phone}
        if line.supplier_inn
        else None,
    }


def _about_payment(receipt: Receipt) -> dict[str, str]:
    """Name what the provider who took the money knows it by: some make the receipts of their own payments."""
    payment, refund = receipt.payment, receipt.cause.refund
    is_refund = refund is not None and receipt.kind == ReceiptKind.REFUND
    return {
        "payment_provider": payment.provider if payment else "",
        "payment_ref": payment.provider_ref if payment else "",
        "refund_ref": refund.provider_ref if refund is not None and is_refund else "",
    }


def _about_correction(receipt: Receipt) -> dict[str, str]:
    wrong = receipt.corrects
    if wrong is None:
        return {"corrects_sign": "", "corrected_day": "", "order_number": ""}
    return {
        "corrects_sign": wrong.fiscal_sign,
        "corrected_day": dealer_day(receipt.settled_at).isoformat(),
        "order_number": receipt.basis_number if receipt.is_ordered else "",
    }


def describe_along(*, payment_id: UUID, refund_id: UUID | None = None) -> tuple[UUID, list[dict[str, Any]]] | None:
    """Describe the lines that go along with a payment or a refund, where its provider makes the receipts, and whose.

    None where no receipt goes along, or none can be drawn up: then the receipt itself is refused, and a person has it.
    """
    payment = Payment.objects.get(pk=payment_id)
    if payment.provider != settings.FISCAL_OPERATOR or not FiscalSpan.objects.filter(ended_at=None).exists():
        return None
    try:
        if refund_id is None:
            lines = drafts.draw_charge(payment, payment.created_at)
        else:
            refund = Refund.objects.get(pk=refund_id)
            lines = drafts.draw_refund(payment, refund, drafts.list_receipts(payment_id), refund.created_at)
    except ReceiptImpossible:
        return None
    return payment.customer_id, [_show(line) for line in lines]
