"""Writing down what a policy pays by whenever that changes, and finding what stood at the moment of a loss."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Q

from core.money import ZERO
from insurance.models import Policy, PolicyTerms
from insurance.models.fields import InsuranceTypes
from insurance.queries.reading import insured_request
from insurance.rules.pricing import QuoteRequest


def write_terms(policy: Policy, asked: QuoteRequest, now: datetime, *, widened: Sequence[str] = ()) -> PolicyTerms:
    """Write down what a locked policy in force pays by from now on; what stood before ends at this moment.

    It was caught up before it was changed.
    """
    return _follow(policy, asked, now, widened)


def terms_at(policy: Policy, moment: datetime) -> PolicyTerms:
    """Return what a locked policy paid by at a moment of its cover."""
    catch_up(policy)
    standing = policy.terms.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=moment), starts_at__lte=moment)
    return standing.order_by("-number").first() or policy.terms.earliest("number")


def catch_up(policy: Policy) -> None:
    """Write down the first terms of a locked policy in force, and changes that a release before this one made.

    Each is dated by when it was made: that release runs beside this one for a while and writes none.
    """
    last = policy.terms.order_by("-number").first()
    if last is None and policy.activated_at is not None:
        asked = policy.quote.offer(policy.variant).request
        last = _follow(policy, asked, policy.activated_at)
    if last is None:
        return
    later = policy.endorsements.filter(applied_at__gt=last.starts_at).order_by("number")
    applied: list[tuple[Any, Any]] = list(later.values_list("request", "applied_at"))
    for request, applied_at in applied:
        last = _follow(policy, msgspec.convert(request, QuoteRequest, strict=False), applied_at)
    if last.beneficiary != policy.beneficiary:
        _follow(policy, insured_request(policy), policy.updated_at)


def _follow(policy: Policy, asked: QuoteRequest, since: datetime, widened: Sequence[str] = ()) -> PolicyTerms:
    last = policy.terms.order_by("-number").first()
    starts_at = since if last is None else max(since, last.starts_at)
    if last is not None:
        last.ends_at = starts_at
        last.save(update_fields=["ends_at"])
    return PolicyTerms.objects.create(
        policy=policy,
        number=1 if last is None else last.number + 1,
        starts_at=starts_at,
        recorded_at=since,
        beneficiary=policy.beneficiary,
        drivers=_drivers(asked),
        settlement=msgspec.to_builtins(asked.settlement),
        widened=list(widened),
        **_sums(policy, asked),
    )


def _sums(policy: Policy, asked: QuoteRequest) -> dict[str, Any]:
    """Roubles; the limit of OSAGO is the law's, whatever was asked for."""
    if policy.insurance_type != InsuranceTypes.KASKO:
        names = ("coverage_amount", "insured_value", "deductible")
        return {name: getattr(policy, name) for name in names}
    coverage = asked.coverage_amount or ZERO
    return {
        "coverage_amount": coverage,
        "insured_value": asked.vehicle_value or coverage,
        "deductible": asked.deductible,
    }


def _drivers(asked: QuoteRequest) -> list[dict[str, str]] | None:
    if asked.drivers is None:
        return None
    return [{"birth_date": str(each.birth_date), "licence_since": str(each.licence_since)} for each in asked.drivers]
