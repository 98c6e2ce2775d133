"""A second pair of eyes in insurance: what is asked of a second person about policies and claims."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from gateway import approvals
from gateway.approvals import Ask, Kind
from insurance.approvals import CANCEL, CORRECT, ENDORSE, INSUREDS_RIGHT, PAYOUT
from insurance.models import Claim, ClaimConcern, Policy


def admit_ending(
    policy: Policy, refund: Decimal, maker_id: UUID | None, given: Mapping[str, Any], now: datetime
) -> None:
    """Let a policy end: by the insured themselves, or by staff within their limit. Raises FourEyes, Waits."""
    _admit(CANCEL, policy, refund, maker_id, given, now)


def admit_endorsing(
    policy: Policy, refund: Decimal, maker_id: UUID | None, given: Mapping[str, Any], now: datetime
) -> None:
    """Let a policy become cheaper: by the insured themselves, or by staff. Raises FourEyes, Waits."""
    _admit(CORRECT if given.get("evidence") else ENDORSE, policy, refund, maker_id, given, now)


def _admit(
    kind: Kind, policy: Policy, refund: Decimal, maker_id: UUID | None, given: Mapping[str, Any], now: datetime
) -> None:
    if maker_id is None:
        approvals.let(INSUREDS_RIGHT)
        return
    request = Ask(
        subject_id=policy.id,
        amount=refund,
        currency=policy.currency,
        maker_id=maker_id,
        beneficiary_id=policy.customer_id,
        number=policy.number,
        reason=str(given.get("reason") or ""),
        evidence=str(given.get("evidence") or ""),
        args=given,
    )
    approvals.admit(kind, request, now=now)


def about_grant(claim: Claim, granted: Decimal, manager_id: UUID) -> Ask:
    """Build the question to a second person about a claim."""
    return Ask(
        subject_id=claim.id,
        amount=granted,
        currency=claim.currency,
        maker_id=manager_id,
        beneficiary_id=claim.customer_id,
        number=claim.policy.number,
        evidence="; ".join([claim.formula, *(str(ClaimConcern(code).label) for code in claim.concerns)]),
        args={"amount": granted},
    )


def admit_paying(claim: Claim, maker_id: UUID | None, now: datetime) -> None:
    """Let what was granted be paid, by anybody but whom it favours. Raises FourEyes."""
    request = Ask(
        subject_id=claim.id,
        amount=claim.approved_amount,
        currency=claim.currency,
        maker_id=maker_id,
        beneficiary_id=claim.customer_id,
    )
    approvals.admit(PAYOUT, request, now=now)
