"""Reporting a loss, and taking the report back."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput
from core.money import MAX_AMOUNT
from insurance.errors import ClaimNotFound, DuplicateClaim, NotCovered, PremiumUnpaid
from insurance.events import ClaimOpened
from insurance.models import Claim, ClaimKind, Policy, PolicyTerms
from insurance.models.claims import REFUSED
from insurance.models.fields import InsuranceTypes
from insurance.queries.concerns import list_concerns
from insurance.queries.instalments import outstanding
from insurance.services.locking import lock_policy
from insurance.services.terms import terms_at
from messaging.outbox import publish
from messaging.people.departures import refuse_leavers

DAYS_TO_SETTLE = {InsuranceTypes.OSAGO: 20, InsuranceTypes.KASKO: 30}
"""Calendar days to pay or refuse from the day the papers are complete: 40-FZ art. 12 by press reports; KASKO by its
rules, a default of the product."""


LAPSED = gettext_lazy("An instalment of the premium was due before this loss and was not paid in time.")


@dataclass(frozen=True, kw_only=True)
class LossReport:
    """Report of a loss by the insured besides its sum; the driver is asked of where the list is limited."""

    kind: str = ClaimKind.OTHER
    place: str = ""
    driver_name: str = ""
    driver_birth_date: date | None = None


def open_claim(
    *,
    policy_id: UUID,
    occurred_at: datetime,
    description: str,
    amount: Decimal,
    now: datetime,
    report: LossReport = LossReport(),
    customer_id: UUID | None = None,
) -> Claim:
    """Report a loss of `amount` roubles; `customer_id` None is a manager who reports for the insured.

    A driver the policy does not name: KASKO does not cover it; OSAGO pays and has recourse against the driver.
    Raises PolicyNotFound, InvalidInput, NotCovered, DuplicateClaim, AccountClosing.
    """
    with transaction("insurance"):
        policy = lock_policy(policy_id, customer_id)
        refuse_leavers("insurance", policy.customer_id)
        check_amount(amount)
        check_cover(policy, occurred_at, now=now)
        terms = terms_at(policy, occurred_at)
        is_named = check_driver(policy, terms, report.driver_birth_date)
        claim = Claim(
            **asdict(report),
            policy=policy,
            terms=terms,
            customer_id=policy.customer_id,
            occurred_at=occurred_at,
            description=description,
            has_recourse=not is_named,
            amount=amount,
            reserve_amount=min(amount, terms.coverage_amount),
            currency=policy.currency,
            created_at=now,
            updated_at=now,
        )
        claim.concerns = list_concerns(claim)
        claim.save(force_insert=True)
        _publish_opened(claim)
    return claim


def check_cover(policy: Policy, occurred_at: datetime, *, now: datetime) -> None:
    """Refuse a loss still to come, out of the policy's cover, or reported before."""
    _refuse_undone(policy)
    if occurred_at > now:
        raise InvalidInput("occurred_at", "max_value", _("A loss is reported after it happened."))
    if any(part.uncovers(occurred_at) for part in policy.instalments.all()):
        raise NotCovered(str(LAPSED))
    if not policy.covers(occurred_at, dealer_day(occurred_at)):
        raise NotCovered
    if policy.claims.filter(occurred_at=occurred_at).exclude(status__in=REFUSED).exists():
        raise DuplicateClaim


def _refuse_undone(policy: Policy) -> None:
    """Refuse a loss under a policy that was taken back as if it had never been. Raises NotCovered."""
    if policy.refund_amount and policy.refund_amount >= policy.premium - outstanding(policy):
        raise NotCovered(_("The whole premium of this policy was given back."))


def refuse_unpaid(policy: Policy, occurred_at: datetime) -> None:
    """Refuse to grant a loss of days that are not paid for: PremiumUnpaid while they still can be, then NotCovered."""
    _refuse_undone(policy)
    for part in policy.instalments.all():
        if part.uncovers(occurred_at):
            raise NotCovered(str(LAPSED))
        if part.is_overdue_on(dealer_day(occurred_at)):
            raise PremiumUnpaid(due_date=str(part.due_date))


def _publish_opened(claim: Claim) -> None:
    publish(
        ClaimOpened(
            claim_id=claim.id,
            policy_id=claim.policy_id,
            customer_id=claim.customer_id,
            amount=claim.amount,
            currency=claim.currency,
        )
    )


def check_driver(policy: Policy, terms: PolicyTerms, birth_date: date | None) -> bool:
    """Check that a driver, if told, was among those named at that moment. KASKO pays for no other: NotCovered."""
    is_named = birth_date is None or terms.names(birth_date)
    if not is_named and policy.insurance_type == InsuranceTypes.KASKO:
        raise NotCovered(_("The policy does not name this driver."))
    return is_named


def check_amount(amount: Decimal) -> None:
    """Refuse a sum that cannot be booked. Raises InvalidInput."""
    if not amount.is_finite() or not 0 < amount <= MAX_AMOUNT or amount != round(amount, 2):
        raise InvalidInput("amount", "invalid", _("An amount above zero, of at most two decimals."))


def lock_claim(claim_id: UUID, customer_id: UUID | None = None) -> Claim:
    """Lock a claim's policy, then the claim, so that payouts of one policy are decided one after another.

    Raises ClaimNotFound.
    """
    visible = Claim.objects.filter(pk=claim_id)
    found = (
        (visible if customer_id is None else visible.filter(customer_id=customer_id)).values_list("policy_id").first()
    )
    if found is None:
        raise ClaimNotFound
    policy = lock_policy(found[0])
    claim = Claim.objects.select_for_update().get(pk=claim_id)
    claim.policy = policy
    return claim


def pin_terms(claim: Claim) -> PolicyTerms:
    """The terms that a locked claim is settled by: those pinned when it was reported, whatever the policy says now."""
    if claim.terms is None:
        claim.terms = terms_at(claim.policy, claim.occurred_at)
        claim.save(update_fields=["terms"])
    return claim.terms


def compute_due_date(claim: Claim, complete_at: datetime) -> date:
    """The last day to pay or refuse a claim whose papers were complete at a moment."""
    days = DAYS_TO_SETTLE[InsuranceTypes(claim.policy.insurance_type)]
    return dealer_day(complete_at) + timedelta(days=days)


def withdraw_claim(*, claim_id: UUID, now: datetime, customer_id: UUID | None = None) -> Claim:
    """Take back a report that has not been decided. Raises ClaimNotFound, WrongTransition."""
    with transaction("insurance"):
        claim = lock_claim(claim_id, customer_id)
        claim.withdraw(now)
        claim.save()
    return claim
