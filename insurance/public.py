"""What other apps may read of insurance."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Case, Exists, F, OuterRef, Q, Sum, When
from django.utils import timezone
from django.utils.translation import gettext as _

from core.books import Disagreement
from core.errors import InvalidInput
from insurance.clock import local_date
from insurance.documents import policy_pdf
from insurance.models import (
    Claim,
    ClaimKind,
    ClaimStatus,
    DocumentKind,
    IssueAttempt,
    MoneyKind,
    MoneyRequest,
    MoneyState,
    Policy,
    PolicyStatus,
    Quote,
)
from insurance.models.claims import GRANTED, REFUSED, UNDECIDED
from insurance.pricing import price, read_request
from insurance.reading import book_of, breakdown, current_book

__all__ = [
    "ClaimCard",
    "PolicyCard",
    "PolicyFacts",
    "PremiumFacts",
    "claim_kinds",
    "estimate",
    "paper_kinds",
    "policies_by_order",
    "policies_of",
    "policy_disagreements",
    "premiums_returned",
    "printed_policy",
    "rate",
    "recompute",
]

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
    """Premium in roubles of one quote request by the tariffs of now. Raises InvalidInput.

    An order placed now is insured at this premium, on whatever day it is paid.
    """
    request = read_request(quote_request)
    return price(request, request.start_date or local_date(timezone.now()), current_book()).premium


@dataclass(frozen=True)
class PremiumFacts:
    """A premium and everything it came from: roubles, the day and the tariff revision it was rated by."""

    insurance_type: str
    insurer: str
    premium: Decimal
    rated_on: date
    tariff: str
    tariff_revision: int
    breakdown: list[dict[str, str]]


def rate(quote_request: Mapping[str, Any], *, day: date, revision: int | None = None) -> PremiumFacts:
    """Rate a request on a day by one revision of the tariffs, or by the newest.

    The same request, day and revision always give the same premium. Raises InvalidInput, LookupError.
    """
    request = read_request(quote_request)
    book = current_book() if revision is None else book_of(revision)
    first = request.start_date or day
    rated = price(request, first, book)
    return PremiumFacts(
        insurance_type=request.insurance_type.value,
        insurer=rated.insurer,
        premium=rated.premium,
        rated_on=first,
        tariff=rated.tariff,
        tariff_revision=book.revision,
        breakdown=breakdown(rated),
    )


def policies_by_order(*, chunk: int = 2000) -> Iterator[PolicyFacts]:
    """Every policy that was bought with an order, in order of its order."""
    names = (
        "order_id", "id", "attempt_id", "insurance_type", "status", "premium", "refund_amount", "currency",
    )  # fmt: skip
    bought = Policy.objects.filter(order_id__isnull=False).order_by("order_id", "pk").values_list(*names)
    for row in bought.iterator(chunk_size=chunk):
        yield PolicyFacts(*row)


@dataclass(frozen=True)
class ClaimCard:
    """A claim as its owner sees it; roubles."""

    id: UUID
    status: str
    status_name: str
    amount: Decimal
    approved_amount: Decimal | None
    paid_amount: Decimal
    reason: str
    created_at: datetime
    steps: list[tuple[str, bool]]
    missing: list[str]
    papers: list[str]
    due_date: date | None

    @property
    def takes_papers(self) -> bool:
        """Whether papers may still be added."""
        return self.status in UNDECIDED


@dataclass(frozen=True)
class PolicyCard:
    """A policy as its owner sees it, with its claims; roubles."""

    id: UUID
    number: str
    type_name: str
    status: str
    status_name: str
    vehicle_vin: str
    premium: Decimal
    coverage_amount: Decimal
    currency: str
    start_date: date
    end_date: date
    refund_amount: Decimal | None
    claims: list[ClaimCard]

    @property
    def may_claim(self) -> bool:
        """Whether a loss can be reported under it."""
        return self.status in (PolicyStatus.ACTIVE, PolicyStatus.EXPIRED)


def policies_of(customer_id: UUID, *, limit: int = 100) -> list[PolicyCard]:
    """A customer's policies with their claims, newest first."""
    mine = (
        Policy.objects.filter(customer_id=customer_id)
        .prefetch_related("claims__documents")
        .order_by("-created_at", "-id")
    )
    return [
        PolicyCard(
            id=policy.id,
            number=policy.number,
            type_name=policy.get_insurance_type_display(),
            status=policy.status,
            status_name=policy.get_status_display(),
            vehicle_vin=policy.vehicle_vin,
            premium=policy.premium,
            coverage_amount=policy.coverage_amount,
            currency=policy.currency,
            start_date=policy.start_date,
            end_date=policy.end_date,
            refund_amount=policy.refund_amount,
            claims=[_claim_card(claim) for claim in policy.claims.all()],
        )
        for policy in mine[:limit]
    ]


def _claim_card(claim: Claim) -> ClaimCard:
    papers = list(claim.documents.all())
    wanted = claim.missing_of({paper.kind for paper in papers})
    names = dict(DocumentKind.choices)
    is_refused = claim.status in REFUSED
    last = claim.get_status_display() if is_refused else _("paid")
    steps = [
        (_("reported"), True),
        (_("papers complete"), not wanted),
        (_("assessed"), claim.assessed_amount is not None),
        (_("decided"), claim.decided_at is not None),
        (str(last), is_refused or claim.paid_at is not None),
    ]
    return ClaimCard(
        id=claim.id,
        status=claim.status,
        status_name=claim.get_status_display(),
        amount=claim.amount,
        approved_amount=claim.approved_amount,
        paid_amount=claim.paid_amount,
        reason=claim.reason,
        created_at=claim.created_at,
        steps=steps,
        missing=[_(" or ").join(str(names[kind]) for kind in group) for group in wanted],
        papers=[paper.name for paper in papers],
        due_date=claim.due_date,
    )


def claim_kinds() -> list[tuple[str, str]]:
    """Kinds of losses, with their names."""
    return [(kind, str(name)) for kind, name in ClaimKind.choices]


def paper_kinds() -> list[tuple[str, str]]:
    """Kinds of papers a claim takes, with their names."""
    return [(kind, str(name)) for kind, name in DocumentKind.choices]


def printed_policy(policy_id: UUID, *, customer_id: UUID) -> bytes | None:
    """A customer's policy as a PDF; None for another's."""
    policy = Policy.objects.select_related("quote").filter(pk=policy_id, customer_id=customer_id).first()
    return None if policy is None else policy_pdf(policy)


def premiums_returned() -> dict[UUID, Decimal]:
    """What orders' payments give back of premiums, roubles: policies ended, became cheaper or were declined."""
    refunds = MoneyRequest.objects.filter(
        kind=MoneyKind.REFUND, policy__order_id__isnull=False, policy__attempt_id__isnull=False
    )
    rows = refunds.values("policy__order_id").annotate(sum=Sum("amount"))
    return {UUID(str(row["policy__order_id"])): row["sum"] for row in rows.order_by("policy__order_id")}


def policy_disagreements() -> Iterator[Disagreement]:
    """Everything within insurance that does not agree: quotes, policies, undone attempts, claims."""
    yield from _quotes_that_cost_something_else()
    yield from _policies_unlike_their_quotes()
    yield from _policies_without_money()
    yield from _attempts_unlike_their_policies()
    yield from _policies_past_their_end()
    yield from _claims_above_the_cover()


def _quotes_that_cost_something_else() -> Iterator[Disagreement]:
    """A stored quote, and each variant of it, recomputes to the same premium from its own snapshot."""
    for quote in Quote.objects.order_by("pk").iterator(chunk_size=1000):
        for variant in range(len(quote.variants) + 1):
            stored, again = quote.offer(variant).premium, recompute(quote, variant)
            if again != stored:
                ids = {"quote_id": str(quote.id), "variant": str(variant)}
                yield Disagreement("quote_premium_differs", ids, f"stored {stored}, recomputed {again}")


def recompute(quote: Quote, variant: int = 0) -> Decimal | None:
    """The premium of a quote's offer, rated again from its snapshot; None where it cannot be rated."""
    try:
        book = book_of(quote.tariff_revision)
        return price(quote.offer(variant).request, quote.rated_on, book).premium
    except (InvalidInput, LookupError):
        return None


def _policies_unlike_their_quotes() -> Iterator[Disagreement]:
    alike = Q(customer_id=F("quote__customer_id"), insurance_type=F("quote__insurance_type"))
    for policy in Policy.objects.exclude(alike).select_related("quote").order_by("pk"):
        ids = {"policy_id": str(policy.id), "quote_id": str(policy.quote_id)}
        yield Disagreement("policy_unlike_quote", ids, f"of {policy.customer_id}, quoted to {policy.quote.customer_id}")
    changed = Sum("endorsements__premium_difference", filter=Q(endorsements__applied_at__isnull=False))
    for policy in Policy.objects.select_related("quote").annotate(changed=changed).order_by("pk").iterator(1000):
        promised = policy.quote.offer(policy.variant).premium + (policy.changed or 0)
        if policy.premium != promised:
            ids = {"policy_id": str(policy.id), "quote_id": str(policy.quote_id)}
            yield Disagreement("policy_unlike_quote", ids, f"premium {policy.premium}, promised {promised}")


def _policies_without_money() -> Iterator[Disagreement]:
    """A policy in force was paid for, with its order or by itself; and never more went back than came in."""
    paid = MoneyRequest.objects.filter(policy=OuterRef("pk"), kind=MoneyKind.PREMIUM, state=MoneyState.DONE)
    alone = Policy.objects.filter(status=PolicyStatus.ACTIVE, attempt_id__isnull=True)
    for policy in alone.exclude(Exists(paid)).order_by("pk"):
        yield Disagreement("policy_unpaid", {"policy_id": str(policy.id)}, "in force, and its premium is not in")
    kinds = {MoneyKind.REFUND: -1, MoneyKind.PREMIUM: 1, MoneyKind.ENDORSEMENT: 1, MoneyKind.REINSTATEMENT: 1}
    held = Case(*(When(kind=kind, then=F("amount") * sign) for kind, sign in kinds.items()), default=Decimal(0))
    money = MoneyRequest.objects.filter(state=MoneyState.DONE, policy__attempt_id__isnull=True)
    for row in money.values("policy_id").annotate(held=Sum(held)).filter(held__lt=0).order_by("policy_id"):
        ids = {"policy_id": str(row["policy_id"])}
        yield Disagreement("policy_refunded_too_much", ids, f"{-row['held']} more went back than came in")


def _attempts_unlike_their_policies() -> Iterator[Disagreement]:
    """An undone attempt holds nothing, and no policy comes of an attempt nobody made."""
    closed = IssueAttempt.objects.filter(closed_at__isnull=False).values("attempt_id")
    standing = Policy.objects.filter(status__in=[PolicyStatus.ACTIVE, PolicyStatus.PENDING])
    for policy in standing.filter(attempt_id__in=closed).order_by("pk"):
        ids = {"policy_id": str(policy.id), "attempt_id": str(policy.attempt_id)}
        yield Disagreement("policy_of_closed_attempt", ids, "its purchase was undone, and it is in force")
    asked = Q(answered_at__isnull=False) | Q(requested_at__isnull=False)
    known = IssueAttempt.objects.filter(asked).values("attempt_id")
    for policy in Policy.objects.filter(attempt_id__isnull=False).exclude(attempt_id__in=known).order_by("pk"):
        ids = {"policy_id": str(policy.id), "attempt_id": str(policy.attempt_id)}
        yield Disagreement("policy_without_attempt", ids, "nobody asked for it")


def _policies_past_their_end() -> Iterator[Disagreement]:
    late = local_date(timezone.now() - ALARM_GRACE)
    for policy in Policy.objects.filter(status=PolicyStatus.ACTIVE, end_date__lt=late).order_by("pk"):
        ids = {"policy_id": str(policy.id)}
        yield Disagreement("policy_past_its_end", ids, f"in force, though it ended on {policy.end_date}")


def _claims_above_the_cover() -> Iterator[Disagreement]:
    above = Q(approved_amount__gt=F("policy__coverage_amount"))
    for claim in Claim.objects.filter(above, status__in=GRANTED).select_related("policy").order_by("pk"):
        ids = {"claim_id": str(claim.id), "policy_id": str(claim.policy_id)}
        most = claim.policy.coverage_amount
        yield Disagreement("claim_above_cover", ids, f"{claim.approved_amount} granted, {most} at most")
    paid = Sum("payouts__amount", filter=Q(payouts__state=MoneyState.DONE), default=Decimal(0))
    unlike = ~Q(left=F("paid_amount") + F("penalty_amount"))
    for claim in Claim.objects.filter(status=ClaimStatus.PAID).annotate(left=paid).filter(unlike).order_by("pk"):
        ids = {"claim_id": str(claim.id), "policy_id": str(claim.policy_id)}
        yield Disagreement("claim_paid_otherwise", ids, f"{claim.left} has left, {claim.paid_amount} is noted")
