"""Claims, from the report of a loss to its payout."""

from insurance.services.claims.deciding import approve_claim, assess_claim, reject_claim, reopen_claim
from insurance.services.claims.papers import add_document, request_documents
from insurance.services.claims.paying import close_claim, pay_claim, settle_claim_payout
from insurance.services.claims.reporting import open_claim, withdraw_claim

__all__ = [
    "add_document",
    "approve_claim",
    "assess_claim",
    "close_claim",
    "open_claim",
    "pay_claim",
    "reject_claim",
    "reopen_claim",
    "request_documents",
    "settle_claim_payout",
    "withdraw_claim",
]
