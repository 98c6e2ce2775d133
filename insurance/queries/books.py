"""The books of insurance: everything in which quotes, policies, money and claims do not tell the same."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from core.clock import dealer_day
from core.errors import InvalidInput
from core.plugins import Disagreement
from insurance.models import (
    Claim,
    ClaimStatus,
    Endorsement,
    Instalment,
    InstalmentState,
    IssueAttempt,
    MoneyKind,
    MoneyRequest,
    MoneyState,
    Policy,
    PolicyStatus,
    PolicyTerms,
    Quote,
)
from insurance.models.claims import GRANTED
from insurance.models.money import CHARGES
from insurance.models.policies import ALIVE
from insurance.queries.reading import read_tariff_tables
from insurance.rules.pricing import QuoteRequest, price
from messaging.people.endings import left

ALARM_GRACE = timedelta(days=2)


def policy_disagreements() -> Iterator[Disagreement]:
    """Everything within insurance that does not agree: quotes, policies, undone attempts, claims."""
    yield from _quotes_that_cost_something_else()
    yield from _changes_that_cost_something_else()
    yield from _policies_unlike_their_quotes()
    yield from _policies_without_money()
    yield from _policies_refunded_otherwise()
    yield from _schedules_unlike_their_premiums()
    yield from _instalments_forgotten()
    yield from _attempts_unlike_their_policies()
    yield from _policies_past_their_end()
    yield from _terms_unlike_their_policies()
    yield from _cars_insured_twice()
    yield from _claims_under_other_terms()
    yield from _claims_above_the_cover()


def _quotes_that_cost_something_else() -> Iterator[Disagreement]:
    """A stored quote, and each variant of it, recomputes to the same premium from its own snapshot.

    That of somebody who has left does not name its drivers any more, and is rated by nobody again.
    """
    for quote in Quote.objects.exclude(customer_id__in=_gone()).order_by("pk").iterator(chunk_size=1000):
        for variant in range(len(quote.variants) + 1):
            stored, again = quote.offer(variant).premium, recompute(quote, variant)
            if again != stored:
                ids = {"quote_id": str(quote.id), "variant": str(variant)}
                yield Disagreement("quote_premium_differs", ids, f"stored {stored}, recomputed {again}")


def _gone() -> list[Any]:
    """People whose data were erased here."""
    return list(left("insurance").values_list("user_id", flat=True))


def _changes_that_cost_something_else() -> Iterator[Disagreement]:
    """A change of a policy rates again to the premium it was made for."""
    rated = Endorsement.objects.exclude(policy__customer_id__in=_gone()).select_related("policy__quote")
    for change in rated.order_by("pk").iterator(chunk_size=1000):
        request = msgspec.convert(change.request, QuoteRequest, strict=False)
        again = _rate(request, change.policy.quote.rated_on, change.tariff_revision, change.effective_date)
        if again != change.annual_premium:
            ids = {"policy_id": str(change.policy_id), "endorsement": str(change.number)}
            detail = f"stored {change.annual_premium}, recomputed {again}"
            yield Disagreement("endorsement_premium_differs", ids, detail)


def recompute(quote: Quote, variant: int = 0) -> Decimal | None:
    """The premium of a quote's offer, rated again from its snapshot; None where it cannot be rated."""
    return _rate(quote.offer(variant).request, quote.rated_on, quote.tariff_revision)


def _rate(request: QuoteRequest, day: date, revision: int, today: date | None = None) -> Decimal | None:
    try:
        return price(request, day, read_tariff_tables(revision), today=today).premium
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
    alone = Policy.objects.filter(status__in=ALIVE, attempt_id__isnull=True)
    for policy in alone.exclude(Exists(paid)).order_by("pk"):
        yield Disagreement("policy_unpaid", {"policy_id": str(policy.id)}, "in force, and its premium is not in")
    for policy in _with_money().filter(held__lt=0).order_by("pk"):
        ids = {"policy_id": str(policy.id)}
        yield Disagreement("policy_refunded_too_much", ids, f"{-policy.held} more went back than came in")


def _with_money() -> "QuerySet[Any]":
    """Policies with what is `held` of the money that came in for them, roubles: refunds under way are gone.

    The order of an undone purchase gives its part back by itself, so there only what was paid alone is counted.
    """
    signs = {MoneyKind.REFUND: -1} | dict.fromkeys(CHARGES, 1)
    closed = IssueAttempt.objects.filter(closed_at__isnull=False).values("attempt_id")
    gone = Q(kind=MoneyKind.REFUND) & ~Q(policy__attempt_id__in=closed, order_id__isnull=False)
    moved = MoneyRequest.objects.filter(Q(state=MoneyState.DONE) & ~Q(kind=MoneyKind.REFUND) | gone)
    signed = Case(*(When(kind=kind, then=F("amount") * sign) for kind, sign in signs.items()), default=Decimal(0))
    summed = moved.filter(policy=OuterRef("pk")).order_by().values("policy").annotate(sum=Sum(signed)).values("sum")
    first = Instalment.objects.filter(policy=OuterRef("pk"), number=1).values("amount")
    by_order = Case(
        When(
            Q(attempt_id__isnull=False) & ~Q(attempt_id__in=closed), then=Coalesce(Subquery(first), F("quote__premium"))
        ),
        default=Decimal(0),
    )
    rest = Instalment.objects.filter(policy=OuterRef("pk")).exclude(state=InstalmentState.PAID)
    unpaid = rest.order_by().values("policy").annotate(sum=Sum("amount")).values("sum")
    return Policy.objects.annotate(
        held=by_order + Coalesce(Subquery(summed), Decimal(0)), unpaid=Coalesce(Subquery(unpaid), Decimal(0))
    )


def _policies_refunded_otherwise() -> Iterator[Disagreement]:
    """Of a policy its premium is held as far as it was paid; of an ended one what it earned: that less its refund."""
    closed = IssueAttempt.objects.filter(closed_at__isnull=False).values("attempt_id")
    alive = _with_money().filter(status__in=ALIVE).exclude(attempt_id__in=closed)
    for policy in alive.exclude(held=F("premium") - F("unpaid")).order_by("pk"):
        ids = {"policy_id": str(policy.id)}
        paid = policy.premium - policy.unpaid
        yield Disagreement("policy_held_otherwise", ids, f"{policy.held} is held of {paid} paid")
    ended = _with_money().filter(status=PolicyStatus.CANCELLED).exclude(attempt_id__in=closed)
    for policy in ended.exclude(held=F("premium") - F("unpaid") - F("refund_amount")).order_by("pk"):
        ids = {"policy_id": str(policy.id)}
        earned = policy.premium - policy.unpaid - policy.refund_amount
        yield Disagreement("policy_refunded_otherwise", ids, f"{policy.held} is held of {earned} earned")


def _schedules_unlike_their_premiums() -> Iterator[Disagreement]:
    """Instalments make up the premium that was quoted, less what changes took off them."""
    planned = Instalment.objects.filter(policy=OuterRef("pk")).order_by().values("policy")
    sums = planned.annotate(sum=Sum("amount")).values("sum")
    taken = Sum("endorsements__taken_off", filter=Q(endorsements__applied_at__isnull=False), default=Decimal(0))
    known = Policy.objects.filter(activated_at__isnull=False).select_related("quote")
    for policy in known.annotate(taken=taken, planned=Subquery(sums)).order_by("pk").iterator(1000):
        offer = policy.quote.offer(policy.variant)
        promised = None if offer.request.instalments == 1 else offer.premium - policy.taken
        if policy.planned != promised:
            ids = {"policy_id": str(policy.id)}
            yield Disagreement("schedule_differs", ids, f"instalments make {policy.planned}, promised {promised}")


def _instalments_forgotten() -> Iterator[Disagreement]:
    """Nothing stays unpaid for longer than grace and suspension together, and what ended asks for nothing."""
    late = timedelta(days=settings.PREMIUM_GRACE_DAYS + settings.PREMIUM_SUSPENSION_DAYS) + ALARM_GRACE
    waiting = Instalment.objects.filter(state=InstalmentState.PLANNED)
    forgotten = Q(policy__status__in=ALIVE, due_date__lt=dealer_day(timezone.now() - late))
    for part in waiting.filter(forgotten | ~Q(policy__status__in=ALIVE)).order_by("policy_id", "number"):
        ids = {"policy_id": str(part.policy_id), "instalment": str(part.number)}
        yield Disagreement("instalment_forgotten", ids, f"due on {part.due_date}, and nobody asks for it")


def _attempts_unlike_their_policies() -> Iterator[Disagreement]:
    """An undone attempt holds nothing, and no policy comes of an attempt nobody made."""
    closed = IssueAttempt.objects.filter(closed_at__isnull=False).values("attempt_id")
    standing = Policy.objects.filter(status__in=[*ALIVE, PolicyStatus.PENDING])
    for policy in standing.filter(attempt_id__in=closed).order_by("pk"):
        ids = {"policy_id": str(policy.id), "attempt_id": str(policy.attempt_id)}
        yield Disagreement("policy_of_closed_attempt", ids, "its purchase was undone, and it is in force")
    asked = Q(answered_at__isnull=False) | Q(requested_at__isnull=False)
    known = IssueAttempt.objects.filter(asked).values("attempt_id")
    for policy in Policy.objects.filter(attempt_id__isnull=False).exclude(attempt_id__in=known).order_by("pk"):
        ids = {"policy_id": str(policy.id), "attempt_id": str(policy.attempt_id)}
        yield Disagreement("policy_without_attempt", ids, "nobody asked for it")


def _policies_past_their_end() -> Iterator[Disagreement]:
    late = dealer_day(timezone.now() - ALARM_GRACE)
    over = Q(end_date__lt=late) | Q(status=PolicyStatus.CANCEL_SCHEDULED, cancel_date__lt=late)
    for policy in Policy.objects.filter(over, status__in=ALIVE).order_by("pk"):
        ids = {"policy_id": str(policy.id)}
        last = policy.cancel_date if policy.status == PolicyStatus.CANCEL_SCHEDULED else policy.end_date
        yield Disagreement("policy_past_its_end", ids, f"in force, though it ended on {last}")


_TERMS = ("coverage_amount", "insured_value", "deductible")


def _cars_insured_twice() -> Iterator[Disagreement]:
    """A car has one policy of a kind at a time; the later one of two is named."""
    last = Coalesce("cancel_date", "end_date")
    earlier = Policy.objects.annotate(last_date=last).filter(
        pk__lt=OuterRef("pk"),
        vehicle_vin=OuterRef("vehicle_vin"),
        insurance_type=OuterRef("insurance_type"),
        status__in=ALIVE,
        start_date__lte=OuterRef("last_date"),
        last_date__gte=OuterRef("start_date"),
    )
    doubles = Policy.objects.filter(status__in=ALIVE).annotate(last_date=last).filter(Exists(earlier))
    for policy in doubles.order_by("pk"):
        yield Disagreement(
            "car_insured_twice", {"policy_id": str(policy.id)}, f"{policy.vehicle_vin} was insured before"
        )


def _claims_under_other_terms() -> Iterator[Disagreement]:
    """A claim is settled by the terms that stood at the moment of its loss."""
    began_later = Q(occurred_at__lt=F("terms__starts_at")) & ~Q(terms__number=1)
    other = began_later | Q(occurred_at__gte=F("terms__ends_at")) | ~Q(terms__policy=F("policy"))
    for claim in Claim.objects.filter(other).order_by("pk"):
        ids = {"claim_id": str(claim.id), "policy_id": str(claim.policy_id)}
        yield Disagreement("claim_under_other_terms", ids, f"the loss of {claim.occurred_at} is settled by others")


def _terms_unlike_their_policies() -> Iterator[Disagreement]:
    """Find policies that differ from the last of their terms; changes that wait to be written down are left out."""
    newest = PolicyTerms.objects.filter(policy=OuterRef("pk")).order_by("-number")
    last = {f"last_{name}": Subquery(newest.values(name)[:1]) for name in (*_TERMS, "starts_at", "ends_at", "number")}
    unlike = Q(last_ends_at__isnull=False)
    for name in _TERMS:
        unlike |= ~Q(**{name: F(f"last_{name}")})
    later = Endorsement.objects.filter(policy=OuterRef("pk"), applied_at__gt=OuterRef("last_starts_at"))
    begun: QuerySet[Any] = Policy.objects.filter(terms__number=1)
    known = begun.annotate(**last).exclude(Exists(later))
    for policy in known.filter(unlike).order_by("pk"):
        yield Disagreement("terms_differ", {"policy_id": str(policy.id)}, f"terms {policy.last_number} say otherwise")


def _claims_above_the_cover() -> Iterator[Disagreement]:
    above = Q(approved_amount__gt=F("terms__coverage_amount"))
    granted: QuerySet[Any] = Claim.objects.filter(above, status__in=GRANTED).select_related("terms")
    for claim in granted.order_by("pk"):
        ids = {"claim_id": str(claim.id), "policy_id": str(claim.policy_id)}
        most = claim.terms.coverage_amount
        yield Disagreement("claim_above_cover", ids, f"{claim.approved_amount} granted, {most} at most")
    paid = Sum("payouts__amount", filter=Q(payouts__state=MoneyState.DONE), default=Decimal(0))
    unlike = ~Q(left=F("paid_amount") + F("penalty_amount") - F("set_off_amount"))
    for claim in Claim.objects.filter(status=ClaimStatus.PAID).annotate(left=paid).filter(unlike).order_by("pk"):
        ids = {"claim_id": str(claim.id), "policy_id": str(claim.policy_id)}
        yield Disagreement("claim_paid_otherwise", ids, f"{claim.left} has left, {claim.paid_amount} is noted")
