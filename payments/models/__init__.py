"""Payments, refunds, the double-entry ledger, and what is known here of orders."""

from payments.models.ledger import CUSTOMER_FUNDS, EntryKind, LedgerAccount, LedgerEntry, LedgerLine
from payments.models.payments import (
    CLOSED_ORDER,
    CONFIRMED_BY_HAND,
    IN_FLIGHT,
    MANUAL,
    RANK,
    SANDBOX,
    TAKEN,
    Method,
    OrderCopy,
    OrderTill,
    Payment,
    PaymentMethod,
    Status,
)
from payments.models.refunds import REFUND_STEPS, RESERVING, Refund, RefundStatus
from payments.models.webhooks import WebhookEvent, WebhookOutcome

__all__ = [
    "CLOSED_ORDER", "CONFIRMED_BY_HAND", "CUSTOMER_FUNDS", "IN_FLIGHT", "MANUAL", "RANK", "REFUND_STEPS", "RESERVING",
    "SANDBOX", "TAKEN", "EntryKind", "LedgerAccount", "LedgerEntry", "LedgerLine", "Method", "OrderCopy", "OrderTill",
    "Payment", "PaymentMethod", "Refund", "RefundStatus", "Status", "WebhookEvent", "WebhookOutcome",
]  # fmt: skip
