"""Find what is odd about a claim, for the adjuster to look at; nothing of it decides by itself."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings

from insurance.models import Claim, ClaimConcern
from insurance.models.claims import REFUSED


def list_concerns(claim: Claim) -> list[str]:
    """List what an adjuster should look at, by code."""
    return [concern.value for concern in _concerns(claim)]


def _concerns(claim: Claim) -> Iterator[ClaimConcern]:
    days = timedelta(days=settings.CLAIM_WIDENED_DAYS)
    near = (claim.occurred_at - days, claim.occurred_at + days)
    if claim.policy.terms.filter(starts_at__range=(near[0], claim.occurred_at)).exclude(widened=[]).exists():
        yield ClaimConcern.WIDENED
    if claim.policy.claims.filter(status__in=REFUSED).exclude(pk=claim.pk).exists():
        yield ClaimConcern.REPORTED_BEFORE
    others = Claim.objects.filter(policy__vehicle_vin=claim.policy.vehicle_vin, occurred_at__range=near)
    if others.exclude(policy=claim.policy).exists():
        yield ClaimConcern.OTHER_POLICY
    if any(made["field"] == "terms" for made in claim.corrections):
        yield ClaimConcern.MOVED
    if claim.policy.unconfirmed:
        yield ClaimConcern.PROVISIONAL
