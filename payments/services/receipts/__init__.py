"""Fiscal receipts: drawn up for each movement of money online, sent, and corrected by a person."""

from payments.services.receipts.correcting import correct_receipt
from payments.services.receipts.making import attend_receipts, make_receipts, offset_advances
from payments.services.receipts.sending import (
    ReceiptReport,
    apply_receipt_report,
    retry_receipt,
)

__all__ = [
    "ReceiptReport",
    "apply_receipt_report",
    "attend_receipts",
    "correct_receipt",
    "make_receipts",
    "offset_advances",
    "retry_receipt",
]
