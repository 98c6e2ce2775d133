"""Claims: reporting a loss, assessing it, and deciding what the policy pays."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import InvalidInput
from core.money import MAX_AMOUNT, ZERO
from insurance.clock import local_date
from insurance.errors import ClaimNotFound, DuplicateClaim, NotCovered
from insurance.events import ClaimDecided, ClaimOpened
from insurance.models import Claim, ClaimStatus, Policy
from insurance.models.fields import InsuranceTypes
from insurance.rating import Loss, claim_payout, is_total_loss
from insurance.services.ending import lock_policy
from messaging.outbox import publish


def open_claim(
    *,
    policy_id: UUID,
    occurred_at: datetime,
    description: str,
    amount: Decimal,
    now: datetime,
    customer_id: UUID | None = None,
) -> Claim:
    """Report a loss of `amount` roubles; `customer_id` None is a manager who reports for the insured.

    Raises PolicyNotFound, InvalidInput, NotCovered, DuplicateClaim.
    """
    with transaction("insurance"):
        policy = lock_policy(policy_id, customer_id)
        _check_amount(amount)
        if occurred_at > now:
            raise InvalidInput("occurred_at", "max_value", _("A loss is reported after it happened."))
        if not policy.covers(occurred_at, local_date(occurred_at)):
            raise NotCovered
        if policy.claims.filter(occurred_at=occurred_at).exclude(status=ClaimStatus.REJECTED).exists():
            raise DuplicateClaim
        claim = Claim.objects.create(
            policy=policy,
            customer_id=policy.customer_id,
            occurred_at=occurred_at,
            description=description,
            amount=amount,
            currency=policy.currency,
            created_at=now,
            updated_at=now,
        )
        publish(
            ClaimOpened(
                claim_id=claim.id,
                policy_id=policy.id,
                customer_id=policy.customer_id,
                amount=amount,
                currency=claim.currency,
            )
        )
    return claim


def _check_amount(amount: Decimal) -> None:
    if not amount.is_finite() or not 0 < amount <= MAX_AMOUNT or amount != round(amount, 2):
        raise InvalidInput("amount", "invalid", _("An amount above zero, of at most two decimals."))


def _lock(claim_id: UUID) -> Claim:
    claim = Claim.objects.select_for_update(of=("self",)).select_related("policy").filter(pk=claim_id).first()
    if claim is None:
        raise ClaimNotFound
    return claim


def assess_claim(*, claim_id: UUID, amount: Decimal, now: datetime) -> Claim:
    """Record the loss as found, in roubles, and what the policy pays for it. Raises ClaimNotFound, WrongTransition."""
    with transaction("insurance"):
        claim = _lock(claim_id)
        _check_amount(amount)
        total = _is_total(claim.policy, amount)
        claim.assess(loss=amount, payable=payable(claim.policy, amount), is_total_loss=total, now=now)
        claim.save()
    return claim


def _is_total(policy: Policy, loss: Decimal) -> bool:
    return policy.insurance_type == InsuranceTypes.KASKO and is_total_loss(loss, policy.insured_value)


def payable(policy: Policy, loss: Decimal) -> Decimal:
    """What a policy pays for a loss: never above the sum insured less the deductible, and less when under-insured."""
    paid = claim_payout(
        Loss(
            loss=loss,
            sum_insured=policy.coverage_amount,
            value=policy.insured_value,
            deductible=policy.deductible,
            total_loss=_is_total(policy, loss),
        )
    )
    most: Decimal = policy.coverage_amount - policy.deductible
    return min(paid, most)


def approve_claim(*, claim_id: UUID, manager_id: UUID, now: datetime, amount: Decimal | None = None) -> Claim:
    """Grant what the policy pays for the assessed loss, or `amount` roubles of it.

    Raises ClaimNotFound, WrongTransition, AboveLimit.
    """
    with transaction("insurance"):
        claim = _lock(claim_id)
        claim.approve(amount, decided_by=manager_id, now=now)
        _decide(claim, claim.approved_amount)
    return claim


def reject_claim(*, claim_id: UUID, manager_id: UUID, reason: str, now: datetime) -> Claim:
    """Refuse a claim; the insured is told why. Raises ClaimNotFound, WrongTransition."""
    with transaction("insurance"):
        claim = _lock(claim_id)
        claim.reject(reason, decided_by=manager_id, now=now)
        _decide(claim, ZERO)
    return claim


def _decide(claim: Claim, amount: Decimal) -> None:
    claim.save()
    publish(
        ClaimDecided(
            claim_id=claim.id,
            policy_id=claim.policy_id,
            customer_id=claim.customer_id,
            decision=claim.status,
            amount=amount,
            currency=claim.currency,
            reason=claim.reason,
        )
    )
