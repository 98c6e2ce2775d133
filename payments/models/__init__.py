"""Payments, refunds, payouts, the double-entry ledger, and what is known here of orders and loans."""

from payments.models.disputes import Dispute, DisputeStatus
from payments.models.ledger import REFUNDS_PAYABLE, EntryKind, LedgerAccount, LedgerEntry, LedgerLine
from payments.models.legal_entities import LegalEntity, LegalEntityRevision
from payments.models.payments import (
    CLOSED_ORDER,
    HANDED_OVER,
    IN_FLIGHT,
    MANUAL,
    RANK,
    SANDBOX,
    TAKEN,
    LoanPart,
    LoanState,
    Method,
    OrderAccount,
    OrderCopy,
    Payment,
    PaymentMethod,
    Purpose,
    Status,
)
from payments.models.payouts import Payout, PayoutPurpose, PayoutStatus
from payments.models.receipts import (
    RECEIPT_STEPS,
    REVERSED,
    FiscalSpan,
    Receipt,
    ReceiptKind,
    ReceiptLine,
    ReceiptOperation,
    ReceiptState,
    ReceiptStep,
)
from payments.models.reconciliations import Reconciliation
from payments.models.refunds import REFUND_STEPS, RESERVING, Refund, RefundSource, RefundStatus
from payments.models.webhooks import WebhookEvent, WebhookOutcome

__all__ = [
    "CLOSED_ORDER", "HANDED_OVER", "IN_FLIGHT", "MANUAL", "RANK", "RECEIPT_STEPS", "REFUNDS_PAYABLE",
    "REFUND_STEPS", "RESERVING", "REVERSED", "SANDBOX", "TAKEN", "Dispute", "DisputeStatus", "EntryKind",
    "FiscalSpan", "LedgerAccount", "LedgerEntry", "LedgerLine", "LegalEntity", "LegalEntityRevision", "LoanPart",
    "LoanState", "Method",
    "OrderAccount", "OrderCopy", "Payment", "PaymentMethod", "Payout", "PayoutPurpose", "PayoutStatus", "Purpose",
    "Receipt", "ReceiptKind", "ReceiptLine", "ReceiptOperation", "ReceiptState", "ReceiptStep", "Reconciliation",
    "Refund", "RefundSource", "RefundStatus", "Status", "WebhookEvent", "WebhookOutcome",
]  # fmt: skip
