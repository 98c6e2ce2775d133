"""Deciding a claim: what the loss is worth, what the policy pays for it, and who says yes or no."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db.models import Sum
from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import InvalidInput
from core.money import ZERO
from gateway import approvals
from insurance.approvals import CLAIM
from insurance.errors import KindUnconfirmed, PapersMissing, PayoutUnderWay, SecondPersonNeeded
from insurance.events import ClaimDecided, ClaimReopened
from insurance.models import Claim, ClaimKind, ClaimStatus, MoneyState
from insurance.models.claims import GRANTED
from insurance.models.fields import InsuranceTypes
from insurance.queries.concerns import list_concerns
from insurance.rules.rating import Basis, Loss, UnderInsurance, claim_payout, is_total_loss
from insurance.rules.rating.claims import formula
from insurance.services.claims.examining import confirm_kind, move_loss
from insurance.services.claims.reporting import check_amount, lock_claim, pin_terms, refuse_unpaid
from insurance.services.seconding import about_grant
from messaging.outbox import publish
from messaging.people.departures import refuse_leavers

HUNDRED = Decimal(100)


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """Findings of an adjuster: the loss, roubles; the car's value on the day where the policy pays by it; remains the
    owner keeps; wear in per cent, which counts against an aggregate sum; `is_total_loss` None lets the figures decide.

    `kind` confirms what happened, `occurred_at` says that it happened at another moment, and `reason` why.
    """

    amount: Decimal
    market_value: Decimal | None = None
    salvage_amount: Decimal = ZERO
    wear_percent: Decimal = ZERO
    is_total_loss: bool | None = None
    kind: str | None = None
    occurred_at: datetime | None = None
    reason: str = ""


def assess_claim(*, claim_id: UUID, found: Assessment, now: datetime, maker_id: UUID | None = None) -> Claim:
    """Record the loss as found and what the policy pays for it, with the formula. May be done again until it is paid.

    Raises ClaimNotFound, WrongTransition, InvalidInput, PayoutUnderWay, FourEyes (it is their own), NotCovered and
    DuplicateClaim (of another moment).
    """
    _check(found)
    with transaction("insurance"):
        approvals.supersede(CLAIM, claim_id, now=now)
        claim = lock_claim(claim_id)
        approvals.refuse_own("insurance", person_id=maker_id, beneficiary_id=claim.customer_id)
        if claim.payouts.exclude(state=MoneyState.DONE).exists():
            raise PayoutUnderWay
        _examine(claim, found, maker_id, now)
        loss = compute_loss(claim, found)
        payable = payable_for(loss)
        claim.assess(
            found={
                "assessed_amount": found.amount,
                "market_value": found.market_value,
                "salvage_amount": found.salvage_amount,
                "wear_percent": found.wear_percent,
                "payable_amount": payable,
                "is_total_loss": loss.total_loss,
                "needs_proof": loss.total_loss or (_is_large(found.amount) and claim.kind == ClaimKind.OTHER),
                "concerns": list_concerns(claim),
                "formula": formula(loss),
                "reserve_amount": max(payable - claim.paid_amount, ZERO),
            },
            now=now,
        )
        claim.save()
    return claim


def _check(found: Assessment) -> None:
    check_amount(found.amount)
    for name in ("salvage_amount", "wear_percent"):
        if getattr(found, name) < 0:
            raise InvalidInput(name, "min_value", _("Not below zero."))
    if found.wear_percent > HUNDRED:
        raise InvalidInput("wear_percent", "max_value", _("At most 100 per cent."))
    if found.market_value is not None and found.market_value <= 0:
        raise InvalidInput("market_value", "min_value", _("A value above zero."))


def _examine(claim: Claim, found: Assessment, maker_id: UUID | None, now: datetime) -> None:
    if found.occurred_at is not None:
        move_loss(claim, found.occurred_at, reason=found.reason, by=maker_id, now=now)
    if found.kind is not None:
        confirm_kind(claim, found.kind, reason=found.reason, by=maker_id, now=now)


def _is_large(amount: Decimal) -> bool:
    return amount > settings.CLAIM_KIND_CONFIRMED_ABOVE


def compute_loss(claim: Claim, found: Assessment) -> Loss:
    """A claim's loss as the arithmetic takes it, under the terms that its policy had when it happened."""
    terms = pin_terms(claim)
    agreed = terms.agreed
    is_kasko = claim.policy.insurance_type == InsuranceTypes.KASKO
    total = found.is_total_loss
    if total is None:
        total = is_total_loss(found.amount, found.market_value or terms.insured_value)
    value = terms.insured_value
    if agreed.is_market_basis and found.market_value is not None:
        value = found.market_value
    return Loss(
        loss=found.amount,
        sum_insured=terms.coverage_amount,
        value=value,
        deductible=terms.deductible,
        conditional_deductible=agreed.is_conditional_deductible,
        under_insurance=UnderInsurance.FIRST_LOSS if agreed.is_first_loss else UnderInsurance.PROPORTIONAL,
        total_loss=total and is_kasko,
        basis=Basis.MARKET if agreed.is_market_basis else Basis.AGREED,
        aggregate=agreed.is_aggregate,
        paid_before=_granted_before(claim) if agreed.is_aggregate else ZERO,
        wear=found.wear_percent / HUNDRED,
        salvage=found.salvage_amount,
    )


def _granted_before(claim: Claim) -> Decimal:
    """Sum what other claims of the policy have taken of an aggregate sum."""
    others = Claim.objects.filter(policy_id=claim.policy_id, status__in=(*GRANTED, ClaimStatus.CLOSED)).exclude(
        pk=claim.pk
    )
    return others.aggregate(sum=Sum("approved_amount"))["sum"] or ZERO


def payable_for(loss: Loss) -> Decimal:
    """Return what a policy pays for a loss, roubles: never above what is left of the sum insured less deductible."""
    kept = ZERO if loss.conditional_deductible else loss.deductible
    return min(claim_payout(loss), max(loss.limit - kept, ZERO))


def approve_claim(*, claim_id: UUID, manager_id: UUID, now: datetime, amount: Decimal | None = None) -> Claim:
    """Grant what the policy pays for the assessed loss, or `amount` roubles of it.

    Beyond what one person may grant in a day the first manager proposes and another one confirms the same sum. A loss
    of days that an overdue instalment is for waits until it is paid. Raises ClaimNotFound, WrongTransition, AboveLimit,
    PapersMissing, KindUnconfirmed, SecondPersonNeeded, FourEyes, PremiumUnpaid, NotCovered.
    """
    with transaction("insurance"):
        if _agree(claim_id, manager_id, amount, now):
            return Claim.objects.get(pk=claim_id)
        claim = lock_claim(claim_id)
        granted = _grantable(claim, amount)
        if approvals.hold_back(CLAIM, about_grant(claim, granted, manager_id), now=now) is not None:
            claim.propose(granted, proposed_by=manager_id, now=now)
            claim.save()
            return claim
        _grant(claim, granted, manager_id, now)
    return claim


def _agree(claim_id: UUID, manager_id: UUID, amount: Decimal | None, now: datetime) -> bool:
    """Confirm what another manager proposed; another sum than that takes its place. Raises SecondPersonNeeded."""
    waiting = approvals.waits_for("insurance", claim_id, CLAIM.name)
    if not waiting:
        return False
    if amount not in (None, waiting[0].amount):
        approvals.supersede(CLAIM, claim_id, now=now)
        return False
    if waiting[0].asked_by == manager_id:
        raise SecondPersonNeeded
    return approvals.approve_waiting(CLAIM, claim_id, person_id=manager_id, now=now)


def _grantable(claim: Claim, amount: Decimal | None) -> Decimal:
    """Return what would be granted.

    Raises WrongTransition, AboveLimit, PapersMissing, KindUnconfirmed, PremiumUnpaid, NotCovered.
    """
    granted = claim.check_grant(claim.proposed_amount if amount is None and claim.proposed_amount else amount)
    refuse_unpaid(claim.policy, claim.occurred_at)
    if claim.kind_confirmed_at is None and (claim.is_total_loss or _is_large(claim.assessed_amount or ZERO)):
        raise KindUnconfirmed
    missing = claim.list_missing_papers(set(claim.documents.values_list("kind", flat=True)))
    if missing:
        raise PapersMissing(missing=missing)
    return granted


def _grant(claim: Claim, granted: Decimal, decided_by: UUID, now: datetime) -> None:
    _refuse_above_aggregate(claim, granted)
    claim.approve(granted, decided_by=decided_by, now=now)
    _decide(claim, granted)


def grant_agreed(*, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, amount: Decimal) -> None:
    """Grant what one manager proposed and another agreed to. Raises what `approve_claim` does."""
    with transaction("insurance"):
        claim = lock_claim(subject_id)
        granted = _grantable(claim, amount)
        approvals.admit(CLAIM, about_grant(claim, granted, maker_id), now=now)
        _grant(claim, granted, approver_id, now)


def drop_proposal(*, subject_id: UUID, person_id: UUID | None, reason: str, now: datetime) -> None:
    """Forget a proposed grant that was turned down or that nobody answered; the claim is to be decided as before."""
    with transaction("insurance"):
        claim = lock_claim(subject_id)
        claim.proposed_amount = claim.proposed_by = None
        claim.touch(now)
        claim.save()


def _refuse_above_aggregate(claim: Claim, granted: Decimal) -> None:
    """Another claim may have been granted since this one was assessed."""
    terms = pin_terms(claim)
    if terms.agreed.is_aggregate:
        left = terms.coverage_amount - _granted_before(claim)
        if granted > left:
            claim.payable_amount = max(left, ZERO)
            claim.check_grant(granted)


def reject_claim(*, claim_id: UUID, manager_id: UUID, reason: str, now: datetime) -> Claim:
    """Refuse a claim; the insured is told why. Raises ClaimNotFound, WrongTransition."""
    with transaction("insurance"):
        claim = lock_claim(claim_id)
        claim.reject(reason, decided_by=manager_id, now=now)
        _decide(claim, ZERO)
    return claim


def reopen_claim(*, claim_id: UUID, reason: str, now: datetime) -> Claim:
    """Look again at a claim that was paid, refused or closed; what was paid stays paid and counts.

    Raises ClaimNotFound, WrongTransition, AccountClosing.
    """
    with transaction("insurance"):
        claim = lock_claim(claim_id)
        refuse_leavers("insurance", claim.customer_id)
        claim.reopen(reason, now)
        claim.save()
        publish(
            ClaimReopened(claim_id=claim.id, policy_id=claim.policy_id, customer_id=claim.customer_id, reason=reason)
        )
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
