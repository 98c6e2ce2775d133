"""Work out what of a premium comes back when a policy ends, by what is on record."""

from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db.models import Sum

from core.clock import dealer_day
from core.money import ZERO
from insurance.models import Claim, InstalmentState, IssueAttempt, Policy, PolicyStatus, next_planned
from insurance.models.claims import REFUSED
from insurance.models.fields import InsuranceTypes
from insurance.queries.instalments import outstanding, planned
from insurance.rules.rating import Policy as PaidCover
from insurance.rules.rating import refund_on

TOTAL_LOSS = "total_loss"


UNPAID = "instalment_unpaid"


def _unpaid_since(policy: Policy, today: date) -> date | None:
    """The last day that is paid for, where an instalment is overdue."""
    part = next_planned(planned(policy))
    return part.due_date if part is not None and part.is_overdue_on(today) else None


def refund_on_day(policy: Policy, last_day: date, *, unpaid: Decimal | None = None) -> Decimal:
    """Pro rata by days, roubles; of KASKO within 14 days and without claims the insurer keeps what it earned alone.

    What was not paid yet does not come back either: it is not asked for any more. `unpaid` is how much that will be,
    where it is another sum than today.
    """
    granted, has_claims = _claims_on(policy)
    cover = PaidCover(
        premium=term_premium(policy),
        concluded=dealer_day(policy.created_at),
        start=policy.start_date,
        end=policy.end_date,
        retained_share=retained_share(policy.insurance_type),
        claims_paid=granted,
        has_claims=has_claims,
        is_voluntary=policy.insurance_type == InsuranceTypes.KASKO,
    )
    unpaid = outstanding(policy) if unpaid is None else unpaid
    refund = refund_on(cover, last_day).refund - unpaid
    paid: Decimal = policy.premium - unpaid
    return max(min(refund, paid - granted), ZERO)


def refund_today(policy: Policy, today: date) -> Decimal:
    """Return what comes back if a policy ends today, roubles: with an instalment overdue, it ended on the due date."""
    unpaid = _unpaid_since(policy, today)
    return refund_on_day(policy, today if unpaid is None else min(unpaid, today))


def refund_to_come(policy: Policy, last_day: date) -> Decimal:
    """Return what comes back if a policy ends after a day to come, roubles: an estimate, as things stand.

    Instalments due by then count as paid by then; a loss or a change of the policy until that day alters it.
    """
    later = policy.instalments.exclude(state=InstalmentState.PAID).filter(due_date__gt=last_day)
    return refund_on_day(policy, last_day, unpaid=later.aggregate(sum=Sum("amount", default=ZERO))["sum"])


def refund_estimate(policy: Policy) -> Decimal | None:
    """Return what comes back of a policy whose end is set for a day to come, roubles; None of any other."""
    if policy.status != PolicyStatus.CANCEL_SCHEDULED or policy.cancel_date is None:
        return None
    return refund_to_come(policy, policy.cancel_date)


def refund_undone(policy: Policy) -> Decimal:
    """All that was paid, roubles, less what was granted of claims: the purchase it was part of never happened."""
    paid: Decimal = policy.premium - outstanding(policy)
    return max(paid - _claims_on(policy)[0], ZERO)


def _claims_on(policy: Policy) -> tuple[Decimal, bool]:
    claims = Claim.objects.filter(policy=policy).exclude(status__in=REFUSED)
    return claims.aggregate(sum=Sum("approved_amount"))["sum"] or ZERO, claims.exists()


def term_premium(policy: Policy) -> Decimal:
    """Return what the cover as it stands now costs for the whole term, roubles: the unused part is a share of this."""
    last = policy.endorsements.filter(applied_at__isnull=False).order_by("-number").first()
    premium: Decimal = policy.quote.offer(policy.variant).premium if last is None else last.annual_premium
    return premium


def retained_share(insurance_type: str) -> Decimal:
    """Return what the insurer keeps of the unearned premium; sources differ on OSAGO's share."""
    return Decimal(str(settings.OSAGO_RETAINED_SHARE)) if insurance_type == InsuranceTypes.OSAGO else ZERO


def is_undone(policy: Policy) -> bool:
    """Tell whether the purchase it was part of was undone."""
    if policy.attempt_id is None:
        return False
    return IssueAttempt.objects.filter(pk=policy.attempt_id, closed_at__isnull=False).exists()
