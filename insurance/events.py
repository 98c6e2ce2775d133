"""Facts that insurance publishes about quotes, policies and claims."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from core.events import Event, event


class IssuedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One policy of a purchase."""

    policy_id: UUID
    insurance_type: str
    premium: Decimal


@event("insurance.quoted", aggregate="quote", key="quote_id")
class QuoteMade(Event):
    """A premium was calculated and stands until `valid_until`."""

    quote_id: UUID
    customer_id: UUID
    insurance_type: str
    premium: Decimal
    currency: str
    valid_until: date
    order_id: UUID | None = None


@event("insurance.purchased", aggregate="policy", key="policy_id")
class PolicyPurchased(Event):
    """A policy is in force, or will be from its start date."""

    policy_id: UUID
    customer_id: UUID
    insurance_type: str
    premium: Decimal
    currency: str
    start_date: date
    end_date: date
    order_id: UUID | None = None


@event("insurance.cancelled", aggregate="policy", key="policy_id")
class PolicyCancelled(Event):
    """A policy ended early."""

    policy_id: UUID
    customer_id: UUID
    refund_amount: Decimal
    currency: str
    reason: str
    order_id: UUID | None = None


@event("insurance.term_ended", aggregate="policy", key="policy_id", internal=True)
class PolicyTermEnded(Event):
    """The last day of a policy is over: insurance's own alarm, set when the policy is issued."""

    policy_id: UUID


@event("insurance.issued", aggregate="order_policies", key="order_id", internal=True)
class PoliciesIssued(Event):
    """Answer to checkout.policies_requested: every chosen policy is issued."""

    order_id: UUID
    attempt_id: UUID
    policies: list[IssuedPolicy]


@event("insurance.declined", aggregate="order_policies", key="order_id", internal=True)
class PoliciesDeclined(Event):
    """Answer to checkout.policies_requested: none is issued."""

    order_id: UUID
    attempt_id: UUID
    code: str
    detail: str


@event("insurance.revoked", aggregate="order_policies", key="order_id", internal=True)
class PoliciesRevoked(Event):
    """Answer to checkout.policies_cancel_requested: nothing of the attempt is in force."""

    order_id: UUID
    attempt_id: UUID


@event("claim.opened", aggregate="claim", key="claim_id")
class ClaimOpened(Event):
    """A loss was reported."""

    claim_id: UUID
    policy_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str


@event("claim.decided", aggregate="claim", key="claim_id")
class ClaimDecided(Event):
    """A claim was approved, in full or in part, or rejected."""

    claim_id: UUID
    policy_id: UUID
    customer_id: UUID
    decision: str
    amount: Decimal
    currency: str
    reason: str = ""


@event("claim.paid", aggregate="claim", key="claim_id")
class ClaimPaid(Event):
    """The payout was made."""

    claim_id: UUID
    policy_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
