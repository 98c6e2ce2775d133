"""Paying an approved claim: to the bank that the car is pledged to, to the insured, and for being late."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from core.clock import dealer_day
from core.db import transaction
from core.errors import WrongTransition
from core.money import ZERO, money
from insurance.errors import PayoutUnderWay
from insurance.events import ClaimPaid
from insurance.models import Claim, ClaimStatus, MoneyState, OrderCopy
from insurance.models.claims import TRANSITIONS
from insurance.models.fields import InsuranceTypes
from insurance.rules.rating import split_payout
from insurance.services.claims.reporting import lock_claim, pin_terms
from insurance.services.ending import end_after_total_loss
from insurance.services.instalments import set_off
from insurance.services.money import ask_for_payout
from insurance.services.seconding import admit_paying
from messaging.outbox import publish

DAILY_PENALTY = {InsuranceTypes.OSAGO: Decimal("0.01"), InsuranceTypes.KASKO: ZERO}
"""Share of the payout owed for each day after the last day to pay (OSAGO: 40-FZ art. 12, by press reports)."""


def penalty_on(claim: Claim, day: date) -> Decimal:
    """Return what is owed on a day for paying late, roubles: simple, by days, never above the sum insured."""
    if claim.due_date is None or day <= claim.due_date:
        return ZERO
    share = DAILY_PENALTY[InsuranceTypes(claim.policy.insurance_type)]
    owed = money((claim.approved_amount or ZERO) * share * (day - claim.due_date).days)
    most: Decimal = pin_terms(claim).coverage_amount
    return min(owed, most)


def pay_claim(*, claim_id: UUID, now: datetime, maker_id: UUID | None = None) -> Claim:
    """Ask payments for the payout; the claim is `paid` when the money has left.

    Of a total loss instalments of the premium still to come are taken off; the bank named as beneficiary gets what is
    owed to it, the insured the rest. Raises ClaimNotFound, WrongTransition, PayoutUnderWay, FourEyes (it is their own).
    """
    with transaction("insurance"):
        claim = lock_claim(claim_id)
        if claim.status not in (ClaimStatus.APPROVED, ClaimStatus.PARTIAL) or claim.approved_amount is None:
            raise WrongTransition(claim.status, list(TRANSITIONS.get(claim.status, ())))
        if claim.payouts.exclude(state=MoneyState.DONE).exists():
            raise PayoutUnderWay
        admit_paying(claim, maker_id, now)
        owed = claim.approved_amount - claim.paid_amount
        if claim.is_total_loss and claim.policy.is_alive:
            taken_off = set_off(claim.policy, owed)
            claim.set_off_amount += taken_off
            owed -= taken_off
        to_bank, to_insured = split_payout(owed, _debt(claim))
        claim.penalty_amount = penalty_on(claim, dealer_day(now))
        claim.touch(now)
        claim.save()
        ask_for_payout(claim, to_bank, pin_terms(claim).beneficiary, now)
        ask_for_payout(claim, to_insured + claim.penalty_amount, "", now)
        if to_bank + to_insured + claim.penalty_amount == ZERO:
            _settle(claim, now)
    return claim


def _debt(claim: Claim) -> Decimal:
    """Return what the insured owes the beneficiary for the car, roubles; only a total loss goes to the bank."""
    if not claim.is_total_loss or not pin_terms(claim).beneficiary or claim.policy.order_id is None:
        return ZERO
    debt = OrderCopy.objects.filter(pk=claim.policy.order_id).values_list("debt", flat=True).first()
    return debt or ZERO


def settle_claim_payout(*, claim_id: UUID, now: datetime) -> None:
    """Mark a claim paid once each of its payouts has left; until then it waits."""
    with transaction("insurance"):
        claim = lock_claim(claim_id)
        waits = claim.payouts.exclude(state=MoneyState.DONE).exists()
        if claim.status in (ClaimStatus.APPROVED, ClaimStatus.PARTIAL) and not waits:
            _settle(claim, now)


def _settle(claim: Claim, now: datetime) -> None:
    is_first = claim.paid_amount == ZERO
    paid = (claim.approved_amount or ZERO) - claim.paid_amount - (claim.set_off_amount if is_first else ZERO)
    claim.settle(now)
    claim.save()
    if claim.is_total_loss:
        end_after_total_loss(claim.policy, now)
    publish(
        ClaimPaid(
            claim_id=claim.id,
            policy_id=claim.policy_id,
            customer_id=claim.customer_id,
            amount=paid,
            currency=claim.currency,
        )
    )


def close_claim(*, claim_id: UUID, now: datetime) -> Claim:
    """Put a paid or refused claim away. Raises ClaimNotFound, WrongTransition."""
    with transaction("insurance"):
        claim = lock_claim(claim_id)
        claim.close(now)
        claim.save()
    return claim
