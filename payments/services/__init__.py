"""Everything payments can do."""

from payments.services.charges import (
    ChargeReport,
    apply_report,
    ask_provider,
    cancel_payment,
    capture_payment,
    dispute_payment,
    resolve_payment,
    start_charge,
)
from payments.services.closing import close_order
from payments.services.copies import copy_orders
from payments.services.methods import forget_method, store_method
from payments.services.partners import (
    Premium,
    book_loan,
    book_premium,
    book_sale,
    cancel_loan,
    pass_on_repayment,
    promise_loan,
    return_premium,
)
from payments.services.reconciling import StatementLine, ask_about_open_payments, reconcile_day, statement
from payments.services.refunds import (
    RefundReport,
    apply_refund_report,
    approve_refund,
    charge_key,
    record_foreign_refund,
    reject_refund,
    request_refund,
    retry_refund,
)
from payments.services.requests import (
    Ask,
    PayoutReport,
    apply_payout_report,
    charge_for,
    pay_claim,
    pay_out,
    refund_for,
    retry_payout,
)
from payments.services.taking import Means, create_payment, request_payment
from payments.services.webhooks import apply_confirmed, apply_webhook, receive_webhook

__all__ = [
    "Ask",
    "ChargeReport",
    "Means",
    "PayoutReport",
    "Premium",
    "RefundReport",
    "StatementLine",
    "apply_confirmed",
    "apply_payout_report",
    "apply_refund_report",
    "apply_report",
    "apply_webhook",
    "approve_refund",
    "ask_about_open_payments",
    "ask_provider",
    "book_loan",
    "book_premium",
    "book_sale",
    "cancel_loan",
    "cancel_payment",
    "capture_payment",
    "charge_for",
    "charge_key",
    "close_order",
    "copy_orders",
    "create_payment",
    "dispute_payment",
    "forget_method",
    "pass_on_repayment",
    "pay_claim",
    "pay_out",
    "promise_loan",
    "receive_webhook",
    "reconcile_day",
    "record_foreign_refund",
    "refund_for",
    "reject_refund",
    "request_payment",
    "request_refund",
    "resolve_payment",
    "retry_payout",
    "retry_refund",
    "return_premium",
    "start_charge",
    "statement",
    "store_method",
]  # fmt: skip
