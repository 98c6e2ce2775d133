"""Answer what other apps may read of insurance."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Max, QuerySet, Sum
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.errors import InvalidInput
from insurance.models import Claim, ClaimKind, DocumentKind, MoneyKind, MoneyRequest, OrderCopy, Policy, PolicyStatus
from insurance.models.claims import REFUSED, UNDECIDED
from insurance.models.policies import ALIVE
from insurance.queries.books import policy_disagreements, recompute
from insurance.queries.documents import policy_pdf
from insurance.queries.reading import breakdown, read_current_tables, read_tariff_tables
from insurance.queries.vehicles import as_catalogued, car_of_order
from insurance.rules.pricing import DriverFields, QuoteRequest, Settlement, price, read_request
from insurance.rules.rating import first_part, split_premium
from messaging.peering.reads import answers

__all__ = [
    "ClaimCard",
    "DriverFields",
    "KnownOrder",
    "PolicyCard",
    "PolicyFacts",
    "PremiumFacts",
    "QuoteRequest",
    "Settlement",
    "claim_kinds",
    "estimate",
    "known_orders",
    "list_policies",
    "paper_kinds",
    "policies_by_order",
    "policy_disagreements",
    "premiums_returned",
    "printed_policy",
    "rate",
    "recompute",
    "unconfirmed_premiums",
    "waiting_for_somebody",
]

COUNTED = 100


@dataclass(frozen=True)
class PolicyFacts:
    """Facts about a policy that the books need: roubles, and the checkout's attempt that it belongs to."""

    order_id: UUID
    policy_id: UUID
    attempt_id: UUID | None
    insurance_type: str
    status: str
    premium: Decimal
    refund_amount: Decimal | None
    currency: str


@answers("orders")
def estimate(quote_request: Mapping[str, Any], *, products: list[UUID] | None = None) -> Decimal:
    """Estimate what an order placed now pays for a quote request, roubles: the premium by today's tariffs, or its first
    instalment. Raises InvalidInput.

    An order placed now is insured at this premium, on whatever day it is paid. Of a car that is ours the catalogue's
    word counts; `products` are what the order sells, and a policy is for a car among them.
    """
    request = _as_ordered(_new(quote_request), products)
    rated = price(request, request.start_date or dealer_day(timezone.now()), read_current_tables())
    return first_part(rated.premium, request.instalments)


@dataclass(frozen=True)
class PremiumFacts:
    """A premium and everything it came from: roubles, the day and the tariff revision it was rated by.

    `due_now` is what puts the policy in force, `later` the instalments after it: `{due_date, amount}`. `request` is
    what was rated: with what the catalogue knows of the car where it was not told. `supplier` is the insurer as
    receipts name it: `name`, `inn` and `telephone`, None until its tariff has them.
    """

    insurance_type: str
    insurer: str
    premium: Decimal
    rated_on: date
    tariff: str
    tariff_revision: int
    breakdown: list[dict[str, str]]
    due_now: Decimal
    later: list[dict[str, str]]
    request: dict[str, Any] = field(default_factory=dict)
    supplier: dict[str, str] | None = None


@answers("orders")
def rate(
    quote_request: Mapping[str, Any], *, day: date, revision: int | None = None, products: list[UUID] | None = None
) -> PremiumFacts:
    """Rate a request on a day by one revision of the tariffs, or by the newest.

    The same request, day and revision always give the same premium; by the newest, the catalogue's word counts of a car
    that is ours, and a policy for an order of `products` is for a car among them. Raises InvalidInput, LookupError.
    """
    told = _new(quote_request)
    request = _as_ordered(told, products) if revision is None else told
    tables = read_current_tables() if revision is None else read_tariff_tables(revision)
    first = request.start_date or day
    rated = price(request, first, tables)
    parts = split_premium(rated.premium, request.instalments, first, request.term_months)
    return PremiumFacts(
        insurance_type=request.insurance_type.value,
        insurer=rated.insurer,
        premium=rated.premium,
        rated_on=first,
        tariff=rated.tariff,
        tariff_revision=tables.revision,
        breakdown=breakdown(rated),
        due_now=parts[0].amount,
        later=[{"due_date": str(part.due_date), "amount": str(part.amount)} for part in parts[1:]],
        request=_as_rated(quote_request, told, request),
        supplier=tables.insurer(rated.insurer, first).supplier,
    )


def _as_ordered(request: QuoteRequest, products: list[UUID] | None) -> QuoteRequest:
    return as_catalogued(request, car=car_of_order(products or [], request.vehicle_vin))


def _new(quote_request: Mapping[str, Any]) -> QuoteRequest:
    """Read a request for a first policy: what follows another is offered by insurance alone. Raises InvalidInput."""
    request = read_request(quote_request)
    if request.renewal_of is not None:
        raise InvalidInput("renewal_of", "not_allowed", _("A policy is renewed by an offer of its insurer."))
    return request


def _as_rated(sent: Mapping[str, Any], told: QuoteRequest, rated: QuoteRequest) -> dict[str, Any]:
    """A request as it was sent, with what was added to it before it was rated."""
    before, after = msgspec.to_builtins(told), msgspec.to_builtins(rated)
    return dict(sent) | {name: value for name, value in after.items() if value != before[name]}


def waiting_for_somebody(*, now: datetime) -> dict[str, int]:
    """Count the policies in force whose premium nobody has confirmed; nothing is counted beyond a hundred."""
    return {"premiums_unconfirmed": len(_unconfirmed(now).values_list("pk", flat=True)[:COUNTED])}


def unconfirmed_premiums(*, seconds: int, now: datetime) -> tuple[int, datetime | None]:
    """Count the premiums that nobody has confirmed for so many seconds, and since when the oldest has waited.

    None is counted beyond a hundred.
    """
    since = list(
        _unconfirmed(now - timedelta(seconds=seconds)).order_by("since").values_list("since", flat=True)[:COUNTED]
    )
    return len(since), since[0] if since else None


def _unconfirmed(before: datetime) -> QuerySet[Any]:
    """Policies in force that were provisional before a moment, with `since` when: bought, or changed on hearsay."""
    changed = Max("endorsements__applied_at")
    provisional: QuerySet[Any] = Policy.objects.filter(status__in=ALIVE, activated_at__isnull=False).exclude(
        unconfirmed=[]
    )
    provisional = provisional.annotate(since=Greatest("activated_at", changed))
    return provisional.filter(since__lte=before)


@dataclass(frozen=True)
class KnownOrder:
    """Buyer and goods of an order, as insurance knows them; it knows no goods of one older than their note."""

    customer_id: UUID
    products: tuple[UUID, ...]


def known_orders(*, chunk: int = 2000) -> Iterator[tuple[UUID, KnownOrder]]:
    """Read every order that insurance has heard of, by id, `chunk` at a time."""
    reached = UUID(int=0)
    copies = OrderCopy.objects.order_by("order_id").values_list("order_id", "customer_id", "products")
    while rows := list(copies.filter(order_id__gt=reached)[:chunk]):
        reached = rows[-1][0]
        yield from ((row[0], KnownOrder(row[1], tuple(sorted(row[2] or ())))) for row in rows)


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
        """Tell whether papers may still be added."""
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
        """Tell whether a loss can be reported under it: one of days that it covered, however it ended."""
        return self.status in (*ALIVE, PolicyStatus.EXPIRED, PolicyStatus.CANCELLED)


def list_policies(customer_id: UUID, *, limit: int = 100) -> list[PolicyCard]:
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
    wanted = claim.list_missing_papers({paper.kind for paper in papers})
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
    """Return what orders' payments give back of premiums, roubles: policies ended, became cheaper or were declined."""
    refunds = MoneyRequest.objects.filter(kind=MoneyKind.REFUND, order_id__isnull=False)
    rows = refunds.values("order_id").annotate(sum=Sum("amount"))
    return {UUID(str(row["order_id"])): row["sum"] for row in rows.order_by("order_id")}


def count_undecided() -> int:
    """Count the claims that wait for a decision; nothing is counted beyond a hundred."""
    return len(Claim.objects.filter(status__in=UNDECIDED).values_list("pk", flat=True)[:COUNTED])
