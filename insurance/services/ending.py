"""How policies end: early, with a part of the premium back, or with their term."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from core.db import transaction
from core.money import ZERO
from insurance.clock import local_date
from insurance.errors import PolicyNotFound
from insurance.events import PolicyCancelled
from insurance.models import Claim, ClaimStatus, Policy, PolicyStatus
from insurance.models.fields import InsuranceTypes
from insurance.rating import Policy as PaidCover
from insurance.rating import refund_on
from messaging.outbox import publish

RETAINED_SHARE = {InsuranceTypes.OSAGO: Decimal("0.23"), InsuranceTypes.KASKO: ZERO}
"""What the insurer keeps of the unearned premium; OSAGO's share is stated differently by different sources."""


def lock_policy(policy_id: UUID, customer_id: UUID | None = None) -> Policy:
    """Lock a policy; `customer_id` None sees everybody's. Raises PolicyNotFound."""
    visible = Policy.objects.select_for_update().filter(pk=policy_id)
    policy = (visible if customer_id is None else visible.filter(customer_id=customer_id)).first()
    if policy is None:
        raise PolicyNotFound
    return policy


def cancel_policy(*, policy_id: UUID, now: datetime, reason: str = "", customer_id: UUID | None = None) -> Policy:
    """End a policy today, with the unused part of its premium back. Raises PolicyNotFound, WrongTransition."""
    with transaction("insurance"):
        policy = lock_policy(policy_id, customer_id)
        end_early(policy, refund=_refund(policy, now), reason=reason, now=now)
    return policy


def _refund(policy: Policy, now: datetime) -> Decimal:
    """Pro rata by days; within 14 days and without claims the insurer keeps nothing but what it earned."""
    claims = Claim.objects.filter(policy=policy).exclude(status=ClaimStatus.REJECTED)
    granted = claims.aggregate(sum=Sum("approved_amount"))["sum"] or ZERO
    cover = PaidCover(
        premium=policy.premium,
        concluded=local_date(policy.created_at),
        start=policy.start_date,
        end=policy.end_date,
        retained_share=RETAINED_SHARE[InsuranceTypes(policy.insurance_type)],
        claims_paid=granted,
        has_claims=claims.exists(),
    )
    return refund_on(cover, local_date(now)).refund


def end_early(policy: Policy, *, refund: Decimal, reason: str, now: datetime) -> None:
    """Cancel a locked policy and tell of it; `refund` in roubles. Raises WrongTransition."""
    policy.cancel(refund=refund, reason=reason, now=now)
    policy.save()
    publish(
        PolicyCancelled(
            policy_id=policy.id,
            customer_id=policy.customer_id,
            refund_amount=refund,
            currency=policy.currency,
            reason=reason,
            order_id=policy.order_id,
        )
    )


def expire_policy(*, policy_id: UUID, now: datetime) -> None:
    """End a policy with its term, by its alarm; one that ended before is left alone. Raises PolicyNotFound."""
    with transaction("insurance"):
        policy = lock_policy(policy_id)
        if policy.status == PolicyStatus.ACTIVE:
            policy.expire(now)
            policy.save()
