"""Tables of insurance: quotes, policies, claims, and what it knows of orders."""

from insurance.models.claims import Claim, ClaimStatus
from insurance.models.orders import IssueAttempt, OrderCopy
from insurance.models.policies import Policy, PolicyCounter, PolicyStatus
from insurance.models.quotes import Quote

__all__ = [
    "Claim",
    "ClaimStatus",
    "IssueAttempt",
    "OrderCopy",
    "Policy",
    "PolicyCounter",
    "PolicyStatus",
    "Quote",
]
