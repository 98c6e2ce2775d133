"""YooKassa's receipts: those of its own payments and refunds go along with them, others are made for a payment."""

from typing import Any

from core.outside.provider_http import Refused
from payments.providers.fiscal.port import Answer, FiscalOperator
from payments.providers.yookassa import call, customer, receipt_items

_STATES = {"pending": "pending", "succeeded": "registered", "canceled": "refused"}


class YookassaOperator(FiscalOperator):
    """Receipts at YooKassa. Only what was paid by YooKassa has one there, and corrections are made at the register."""

    name = "yookassa"

    def register(self, key: str, receipt: dict[str, Any]) -> Answer:
        """Look for the receipt that went along; make one for the payment where none did."""
        if receipt["kind"] == "correction" or receipt["payment_provider"] != self.name:
            raise Refused("unsupported", "YooKassa makes receipts of its own payments alone, and no corrections")
        found = self.find(key, receipt)
        if found is not None:
            return found
        refund = receipt["operation"] == "sale_return"
        way = "prepayment" if receipt["paid_as"] == "advance" else "cashless"
        params: dict[str, Any] = {
            "type": "refund" if refund else "payment",
            "customer": customer(receipt["contact"]),
            "items": receipt_items(receipt["lines"], receipt["currency"]),
            "send": True,
            "settlements": [{"type": way, "amount": {"value": receipt["amount"], "currency": receipt["currency"]}}],
        }
        params |= {"refund_id": receipt["refund_ref"]} if refund else {"payment_id": receipt["payment_ref"]}
        return _shown(call(lambda api: api.receipts.create(params, key)))

    def find(self, key: str, receipt: dict[str, Any]) -> Answer | None:
        """By YooKassa's id if we have it, else among the receipts of the payment or refund."""
        if receipt.get("ref"):
            return _shown(call(lambda api: api.receipts.find_one(receipt["ref"])))
        if receipt["payment_provider"] != self.name or receipt["paid_as"] == "advance":
            return None
        refund = receipt["operation"] == "sale_return"
        wanted = {"refund_id": receipt["refund_ref"]} if refund else {"payment_id": receipt["payment_ref"]}
        page = call(lambda api: api.receipts.list(wanted))
        kind = "refund" if refund else "payment"
        return next((_shown(row) for row in page.get("items") or [] if row["type"] == kind), None)


def _shown(row: dict[str, Any]) -> Answer:
    status = _STATES.get(row["status"], "pending")
    return {
        "id": row["id"],
        "status": status,
        "fiscal_number": str(row.get("fiscal_document_number") or ""),
        "fiscal_sign": str(row.get("fiscal_attribute") or ""),
        "storage_number": str(row.get("fiscal_storage_number") or ""),
        "registered_at": row.get("registered_at"),
        "failure_code": "canceled" if status == "refused" else "",
        "failure_detail": "",
    }
