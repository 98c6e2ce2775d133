"""Tables of insurance: tariffs, quotes, policies, instalments, claims, money, what it knows of orders and of cars."""

from insurance.models.claim_history import ClaimHistory
from insurance.models.claims import Claim, ClaimConcern, ClaimDocument, ClaimKind, ClaimStatus, DocumentKind
from insurance.models.instalments import Instalment, InstalmentState, next_planned
from insurance.models.money import MoneyKind, MoneyRequest, MoneyState
from insurance.models.orders import IssueAttempt, OrderCopy
from insurance.models.policies import Endorsement, Policy, PolicyCounter, PolicyStatus
from insurance.models.quotes import Offer, Quote
from insurance.models.tariffs import TariffRevision, TariffRow
from insurance.models.terms import PolicyTerms
from insurance.models.vehicles import VehicleCopy

__all__ = [
    "Claim",
    "ClaimConcern",
    "ClaimDocument",
    "ClaimHistory",
    "ClaimKind",
    "ClaimStatus",
    "DocumentKind",
    "Endorsement",
    "Instalment",
    "InstalmentState",
    "IssueAttempt",
    "MoneyKind",
    "MoneyRequest",
    "MoneyState",
    "Offer",
    "OrderCopy",
    "Policy",
    "PolicyCounter",
    "PolicyStatus",
    "PolicyTerms",
    "Quote",
    "TariffRevision",
    "TariffRow",
    "VehicleCopy",
    "next_planned",
]
