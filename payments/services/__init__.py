"""Everything payments can do."""

from payments.services.charges import ChargeReport, apply_report, cancel_payment, capture_payment, start_charge
from payments.services.closing import close_order
from payments.services.copies import copy_orders
from payments.services.methods import forget_method, store_method
from payments.services.refunds import (
    RefundReport,
    apply_refund_report,
    approve_refund,
    charge_key,
    reject_refund,
    request_refund,
    retry_refund,
)
from payments.services.taking import Means, create_payment, request_payment
from payments.services.webhooks import Message, receive_webhook

__all__ = [
    "ChargeReport",
    "Means",
    "Message",
    "RefundReport",
    "apply_refund_report",
    "apply_report",
    "approve_refund",
    "cancel_payment",
    "capture_payment",
    "charge_key",
    "close_order",
    "copy_orders",
    "create_payment",
    "forget_method",
    "receive_webhook",
    "reject_refund",
    "request_payment",
    "request_refund",
    "retry_refund",
    "start_charge",
    "store_method",
]
