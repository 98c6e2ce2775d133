"""How policies end: early, with a part of the premium back, or with their term; and how one is put back in force."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Sum
from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import WrongTransition
from core.money import ZERO
from insurance.clock import end_of, local_date
from insurance.errors import NotReinstated, PolicyNotFound
from insurance.events import PolicyCancelled, PolicyReinstated, PolicyTermEnded
from insurance.models import Claim, IssueAttempt, MoneyKind, Policy, PolicyStatus
from insurance.models.claims import REFUSED
from insurance.models.fields import InsuranceTypes
from insurance.rating import Policy as PaidCover
from insurance.rating import refund_on
from insurance.services.binding import unbind
from insurance.services.money import ask_for_premium, ask_for_refund, check_payment
from messaging.outbox import publish
from messaging.timers import set_timer


def lock_policy(policy_id: UUID, customer_id: UUID | None = None) -> Policy:
    """Lock a policy; `customer_id` None sees everybody's. Raises PolicyNotFound."""
    visible = Policy.objects.select_for_update(of=("self",)).select_related("quote").filter(pk=policy_id)
    policy = (visible if customer_id is None else visible.filter(customer_id=customer_id)).first()
    if policy is None:
        raise PolicyNotFound
    return policy


def cancel_policy(*, policy_id: UUID, now: datetime, reason: str = "", customer_id: UUID | None = None) -> Policy:
    """End a policy today, with the unused part of its premium back. One that is not paid yet is let go.

    Raises PolicyNotFound, WrongTransition.
    """
    with transaction("insurance"):
        policy = lock_policy(policy_id, customer_id)
        if policy.status == PolicyStatus.PENDING and policy.attempt_id is None:
            unbind(policy)
            policy.decline(code="cancelled", detail=reason or _("Called off by the insured."), now=now)
            policy.save()
            return policy
        refund = refund_today(policy, now)
        unbind(policy)
        end_early(policy, refund=refund, reason=reason, now=now)
        ask_for_refund(policy, refund, reason or "cancelled", now)
    return policy


def refund_today(policy: Policy, now: datetime) -> Decimal:
    """Pro rata by days, roubles; within 14 days and without claims the insurer keeps nothing but what it earned."""
    claims = Claim.objects.filter(policy=policy).exclude(status__in=REFUSED)
    granted = claims.aggregate(sum=Sum("approved_amount"))["sum"] or ZERO
    cover = PaidCover(
        premium=term_premium(policy),
        concluded=local_date(policy.created_at),
        start=policy.start_date,
        end=policy.end_date,
        retained_share=retained_share(policy.insurance_type),
        claims_paid=granted,
        has_claims=claims.exists(),
    )
    paid: Decimal = policy.premium
    return min(refund_on(cover, local_date(now)).refund, paid)


def term_premium(policy: Policy) -> Decimal:
    """What the cover as it now stands costs for the whole term, roubles: the unused part is counted from this."""
    last = policy.endorsements.filter(applied_at__isnull=False).order_by("-number").first()
    premium: Decimal = policy.quote.offer(policy.variant).premium if last is None else last.annual_premium
    return premium


def retained_share(insurance_type: str) -> Decimal:
    """What the insurer keeps of the unearned premium; OSAGO's share is stated differently by different sources."""
    return Decimal(str(settings.OSAGO_RETAINED_SHARE)) if insurance_type == InsuranceTypes.OSAGO else ZERO


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
            order_id=policy.paying_order_id,
            insurer=policy.insurer,
            version_number=policy.version,
        )
    )


def reinstate_policy(*, policy_id: UUID, now: datetime, payment: Mapping[str, Any] | None = None) -> Policy:
    """Put a policy cancelled today back in force without a gap, once its refund is paid back.

    One whose purchase was undone is not put back. Raises PolicyNotFound, WrongTransition, NotReinstated, InvalidInput.
    """
    with transaction("insurance"):
        policy = lock_policy(policy_id)
        if policy.status != PolicyStatus.CANCELLED:
            raise WrongTransition(policy.status, [])
        if policy.cancelled_at is None or local_date(policy.cancelled_at) != local_date(now):
            raise NotReinstated(_("A policy is reinstated on the day it was cancelled only."))
        if policy.attempt_id and IssueAttempt.objects.filter(pk=policy.attempt_id, closed_at__isnull=False).exists():
            raise NotReinstated(_("Its purchase was undone."))
        if policy.refund_amount:
            if payment is None:
                raise NotReinstated(_("Its refund has to be paid back first."), refund_amount=str(policy.refund_amount))
            means = check_payment(payment)
            ask_for_premium(policy, policy.refund_amount, means, kind=MoneyKind.REINSTATEMENT, now=now)
        else:
            put_back(policy, now)
    return policy


def put_back(policy: Policy, now: datetime) -> None:
    """Reinstate a locked policy and tell of it. Raises WrongTransition."""
    paid_back = policy.refund_amount or ZERO
    policy.reinstate(now)
    policy.save()
    alarm = PolicyTermEnded(policy_id=policy.id)
    set_timer(handler="insurance.expire_policy", event=alarm, due_at=end_of(policy.end_date))
    publish(
        PolicyReinstated(
            policy_id=policy.id,
            customer_id=policy.customer_id,
            insurer=policy.insurer,
            premium_paid=paid_back,
            currency=policy.currency,
            version_number=policy.version,
        )
    )


def expire_policy(*, policy_id: UUID, now: datetime) -> None:
    """End a policy with its term, by its alarm; one that ended before is left alone. Raises PolicyNotFound."""
    with transaction("insurance"):
        policy = lock_policy(policy_id)
        if policy.status == PolicyStatus.ACTIVE and policy.end_date < local_date(now):
            policy.expire(now)
            policy.save()
