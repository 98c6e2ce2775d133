"""What other apps may read of insurance."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, Q
from django.utils import timezone

from core.books import Disagreement
from core.errors import InvalidInput
from insurance.clock import local_date
from insurance.models import Claim, ClaimStatus, IssueAttempt, Policy, PolicyStatus, Quote
from insurance.pricing import price, read_request

__all__ = ["PolicyFacts", "estimate", "policies_by_order", "policy_disagreements"]

ALARM_GRACE = timedelta(days=2)


@dataclass(frozen=True)
class PolicyFacts:
    """What the books need to know of a policy: roubles, and the checkout's attempt that it belongs to."""

    order_id: UUID
    policy_id: UUID
    attempt_id: UUID | None
    insurance_type: str
    status: str
    premium: Decimal
    refund_amount: Decimal | None
    currency: str


def estimate(quote_request: Mapping[str, Any]) -> Decimal:
    """Premium in roubles of one quote request, today; reads no database. Raises InvalidInput.

    An order placed today is insured at this premium, on whatever day it is paid.
    """
    return price(read_request(quote_request), local_date(timezone.now())).premium


def policies_by_order(*, chunk: int = 2000) -> Iterator[PolicyFacts]:
    """Every policy that was bought with an order, in order of its order."""
    names = (
        "order_id", "id", "attempt_id", "insurance_type", "status", "premium", "refund_amount", "currency",
    )  # fmt: skip
    bought = Policy.objects.filter(order_id__isnull=False).order_by("order_id", "pk").values_list(*names)
    for row in bought.iterator(chunk_size=chunk):
        yield PolicyFacts(*row)


def policy_disagreements() -> Iterator[Disagreement]:
    """Everything within insurance that does not agree: quotes, policies, undone attempts, claims."""
    yield from _quotes_that_cost_something_else()
    yield from _policies_unlike_their_quotes()
    yield from _attempts_unlike_their_policies()
    yield from _policies_past_their_end()
    yield from _claims_above_the_cover()


def _quotes_that_cost_something_else() -> Iterator[Disagreement]:
    """A stored quote recomputes to the same premium from its own snapshot."""
    for quote in Quote.objects.order_by("pk").iterator(chunk_size=1000):
        again = _recomputed(quote)
        if again != quote.premium:
            ids = {"quote_id": str(quote.id)}
            yield Disagreement("quote_premium_differs", ids, f"stored {quote.premium}, recomputed {again}")


def _recomputed(quote: Quote) -> Decimal | None:
    try:
        return price(quote.asked, quote.rated_on).premium
    except InvalidInput:
        return None


def _policies_unlike_their_quotes() -> Iterator[Disagreement]:
    alike = Q(
        premium=F("quote__premium"),
        coverage_amount=F("quote__coverage_amount"),
        customer_id=F("quote__customer_id"),
        insurance_type=F("quote__insurance_type"),
    )
    for policy in Policy.objects.exclude(alike).select_related("quote").order_by("pk"):
        ids = {"policy_id": str(policy.id), "quote_id": str(policy.quote_id)}
        yield Disagreement("policy_unlike_quote", ids, f"premium {policy.premium}, quoted {policy.quote.premium}")


def _attempts_unlike_their_policies() -> Iterator[Disagreement]:
    """An undone attempt holds nothing, and no policy comes of an attempt nobody made."""
    closed = IssueAttempt.objects.filter(closed_at__isnull=False).values("attempt_id")
    standing = Policy.objects.filter(status__in=[PolicyStatus.ACTIVE, PolicyStatus.PENDING])
    for policy in standing.filter(attempt_id__in=closed).order_by("pk"):
        ids = {"policy_id": str(policy.id), "attempt_id": str(policy.attempt_id)}
        yield Disagreement("policy_of_closed_attempt", ids, "its purchase was undone, and it is in force")
    known = IssueAttempt.objects.filter(answered_at__isnull=False).values("attempt_id")
    for policy in Policy.objects.filter(attempt_id__isnull=False).exclude(attempt_id__in=known).order_by("pk"):
        ids = {"policy_id": str(policy.id), "attempt_id": str(policy.attempt_id)}
        yield Disagreement("policy_without_attempt", ids, "nobody asked for it")


def _policies_past_their_end() -> Iterator[Disagreement]:
    late = local_date(timezone.now() - ALARM_GRACE)
    for policy in Policy.objects.filter(status=PolicyStatus.ACTIVE, end_date__lt=late).order_by("pk"):
        ids = {"policy_id": str(policy.id)}
        yield Disagreement("policy_past_its_end", ids, f"in force, though it ended on {policy.end_date}")


def _claims_above_the_cover() -> Iterator[Disagreement]:
    above = Q(approved_amount__gt=F("policy__coverage_amount") - F("policy__deductible"))
    for claim in Claim.objects.filter(above, status=ClaimStatus.APPROVED).select_related("policy").order_by("pk"):
        ids = {"claim_id": str(claim.id), "policy_id": str(claim.policy_id)}
        most = claim.policy.coverage_amount - claim.policy.deductible
        yield Disagreement("claim_above_cover", ids, f"{claim.approved_amount} granted, {most} at most")
