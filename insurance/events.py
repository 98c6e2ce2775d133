"""Facts that insurance publishes about quotes, policies and claims."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from core.approvals import ApprovalNews
from core.events import Event, event, implies
from payments.commands import GiveBackPremium, PostPremium, PostPremiumReturn


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
    """A policy is in force, or will be from its start date. `order_id` is the purchase that paid its premium.

    `premium_paid` is how much of it is paid where the rest follows in instalments; without it the premium is.
    """

    policy_id: UUID
    customer_id: UUID
    insurance_type: str
    premium: Decimal
    currency: str
    start_date: date
    end_date: date
    order_id: UUID | None = None
    insurer: str = ""
    commission: Decimal | None = None
    vehicle_vin: str = ""
    premium_paid: Decimal | None = None


@event("insurance.instalment_due", aggregate="policy", key="policy_id")
class InstalmentDue(Event):
    """An instalment of a premium falls due in some days; `is_automatic` says that a stored method will be charged."""

    policy_id: UUID
    customer_id: UUID
    number: int
    amount: Decimal
    currency: str
    due_date: date
    is_automatic: bool = False


@event("insurance.instalment_overdue", aggregate="policy", key="policy_id")
class InstalmentLate(Event):
    """An instalment was not paid by its day: until `grace_until` it still counts as paid in time."""

    policy_id: UUID
    customer_id: UUID
    number: int
    amount: Decimal
    currency: str
    due_date: date
    grace_until: date


@event("insurance.instalment_paid", aggregate="policy", key="policy_id")
class InstalmentPaid(Event):
    """An instalment of a premium was paid, by itself even where an order paid the first."""

    policy_id: UUID
    customer_id: UUID
    number: int
    amount: Decimal
    currency: str
    insurer: str = ""
    version_number: int = 1


@event("insurance.suspended", aggregate="policy", key="policy_id")
class PolicySuspended(Event):
    """A policy covers nothing after `covered_through`, for an instalment is not paid; after `ends_after` it ends."""

    policy_id: UUID
    customer_id: UUID
    number: int
    amount: Decimal
    currency: str
    covered_through: date
    ends_after: date
    version_number: int = 1


@event("insurance.resumed", aggregate="policy", key="policy_id")
class PolicyResumed(Event):
    """A suspended policy is paid for and covers again, from this moment on."""

    policy_id: UUID
    customer_id: UUID
    version_number: int = 1


@event("insurance.cancelled", aggregate="policy", key="policy_id")
class PolicyCancelled(Event):
    """A policy ended early. `order_id` is the purchase that its premium was part of.

    `refunded_alone` is how much of the refund had been paid by itself all the same: a change, a reinstatement.
    """

    policy_id: UUID
    customer_id: UUID
    refund_amount: Decimal
    currency: str
    reason: str
    order_id: UUID | None = None
    insurer: str = ""
    version_number: int = 1
    refunded_alone: Decimal = Decimal(0)


@event("insurance.refund_requested", aggregate="policy", key="policy_id", internal=True)
class PremiumOwed(Event):
    """The premium that a policy did not use is owed to whoever paid it. Answer: payment.payout_settled.

    Not told where the whole order is being undone: its payments go back then anyway.
    """

    request_id: UUID
    policy_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    reason: str
    order_id: UUID | None = None


@event("insurance.reinstated", aggregate="policy", key="policy_id")
class PolicyReinstated(Event):
    """A cancelled policy is in force again, as if it had never ended; its refund of `premium_paid` was paid back."""

    policy_id: UUID
    customer_id: UUID
    insurer: str = ""
    premium_paid: Decimal = Decimal(0)
    currency: str = "RUB"
    version_number: int = 1


@event("insurance.endorsed", aggregate="policy", key="policy_id")
class PolicyEndorsed(Event):
    """Change of what a policy insures; `premium_difference` is negative when a part came back.

    `refunded_alone` is how much of that part had been paid by itself, though the policy was bought within an order;
    `taken_off` is how much of it was not paid yet and makes instalments to come smaller.
    """

    policy_id: UUID
    customer_id: UUID
    number: int
    premium_difference: Decimal
    premium: Decimal
    currency: str
    effective_date: date
    insurer: str = ""
    order_id: UUID | None = None
    version_number: int = 1
    refunded_alone: Decimal = Decimal(0)
    taken_off: Decimal = Decimal(0)


@event("insurance.purchase_lapsed", aggregate="policy", key="policy_id", version=2, internal=True)
class PurchaseLapsed(Event):
    """The time to pay for a policy is over: insurance's own alarm, for the try that had this version."""

    policy_id: UUID
    version_number: int


@event("insurance.term_ended", aggregate="policy", key="policy_id", internal=True)
class PolicyTermEnded(Event):
    """The last day of a policy is over: insurance's own alarm, set when the policy is issued."""

    policy_id: UUID


@event("insurance.cancellation_due", aggregate="policy", key="policy_id", internal=True)
class PolicyCancellationDue(Event):
    """The last day of a policy that is to be cancelled is over: insurance's own alarm, void once the day is changed."""

    policy_id: UUID
    last_date: date


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
    """Answer to checkout.policies_cancel_requested: nothing of the attempt is in force.

    `earned` roubles of what the order paid stay with the insurers: by policies that had ended before, and claims paid.
    """

    order_id: UUID
    attempt_id: UUID
    earned: Decimal = Decimal(0)


@event("claim.opened", aggregate="claim", key="claim_id")
class ClaimOpened(Event):
    """A loss was reported."""

    claim_id: UUID
    policy_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str


@event("claim.documents_requested", aggregate="claim", key="claim_id")
class ClaimDocumentsMissing(Event):
    """Papers are missing; `documents` are groups of kinds, of which one each is needed."""

    claim_id: UUID
    policy_id: UUID
    customer_id: UUID
    documents: list[list[str]]


@event("claim.reopened", aggregate="claim", key="claim_id")
class ClaimReopened(Event):
    """A settled claim is looked at again."""

    claim_id: UUID
    policy_id: UUID
    customer_id: UUID
    reason: str


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


@event("insurance.approval_changed", aggregate="approval", key="approval_id", internal=True)
class InsuranceApprovalChanged(ApprovalNews):
    """An action of this app began to wait for a second person, or its waiting ended."""


# What these facts mean to payments -----------------------------------------------------------------------------------
@implies(PremiumOwed, command=GiveBackPremium)
def give_back_premium(fact: PremiumOwed) -> GiveBackPremium:
    """Have what is owed paid back."""
    return GiveBackPremium(
        request_id=fact.request_id,
        policy_id=fact.policy_id,
        customer_id=fact.customer_id,
        amount=fact.amount,
        currency=fact.currency,
        reason=fact.reason,
        order_id=fact.order_id,
    )


def _post(fact: PolicyPurchased | PolicyReinstated | InstalmentPaid | PolicyEndorsed, amount: Decimal) -> PostPremium:
    """Read what was paid apart from the purchase as paid by itself, even where an order had paid the premium."""
    return PostPremium(
        policy_id=fact.policy_id,
        customer_id=fact.customer_id,
        amount=amount,
        currency=fact.currency,
        insurer=fact.insurer,
        commission=fact.commission if isinstance(fact, PolicyPurchased) else None,
        order_id=fact.order_id if isinstance(fact, PolicyPurchased) else None,
        attempt=1 if isinstance(fact, PolicyPurchased) else fact.version_number,
    )


@implies(PolicyPurchased, command=PostPremium)
def post_purchase(fact: PolicyPurchased) -> PostPremium:
    """Have the premium passed on, as far as it was paid."""
    return _post(fact, fact.premium if fact.premium_paid is None else fact.premium_paid)


@implies(PolicyReinstated, command=PostPremium)
def post_reinstatement(fact: PolicyReinstated) -> PostPremium:
    """Have the premium passed on that was paid again."""
    return _post(fact, fact.premium_paid)


@implies(InstalmentPaid, command=PostPremium)
def post_instalment(fact: InstalmentPaid) -> PostPremium:
    """Have an instalment passed on."""
    return _post(fact, fact.amount)


@implies(PolicyEndorsed, command=PostPremium)
def post_addition(fact: PolicyEndorsed) -> PostPremium | None:
    """Have passed on what a change costs more."""
    return _post(fact, fact.premium_difference) if fact.premium_difference >= 0 else None


@implies(PolicyEndorsed, PolicyCancelled, command=PostPremiumReturn)
def post_return(fact: PolicyEndorsed | PolicyCancelled) -> PostPremiumReturn | None:
    """Have brought back what was paid and is not used; it goes the way it came, so its order matters."""
    if isinstance(fact, PolicyCancelled):
        amount = fact.refund_amount
    elif fact.premium_difference < 0:
        amount = -fact.premium_difference - fact.taken_off
    else:
        return None
    return PostPremiumReturn(
        policy_id=fact.policy_id,
        customer_id=fact.customer_id,
        amount=amount,
        currency=fact.currency,
        insurer=fact.insurer,
        order_id=fact.order_id,
        attempt=fact.version_number,
        refunded_alone=fact.refunded_alone,
    )
