"""Declare the histories of insurance that the audit search reads, and which policies a number or a VIN stands for."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import Q

from core.postgres.trails import Audit, Trail
from insurance.models import (
    ClaimDocument,
    ClaimHistory,
    Endorsement,
    Policy,
    PolicyTerms,
    TariffRevision,
    TariffRow,
)

MOST = 50


def _find_policies(text: str) -> Iterator[UUID]:
    for condition in (Q(number=text.upper()), Q(vehicle_vin=text.upper())):
        yield from Policy.objects.filter(condition).order_by("-pk").values_list("pk", flat=True)[:MOST]


AUDIT = Audit(
    trails=(
        Trail(
            model=Endorsement,
            at="created_at",
            by=("created_by",),
            things={"policy_id": "policy"},
            tells=("number", "effective_date", "premium_difference", "changes"),
        ),
        Trail(
            model=PolicyTerms,
            at="recorded_at",
            things={"policy_id": "policy"},
            tells=("number", "starts_at", "coverage_amount", "deductible"),
        ),
        Trail(
            model=ClaimHistory,
            at="at",
            by=("decided_by",),
            things={"claim_id": "claim", "claim__policy_id": "policy"},
            what="status",
            tells=("changes", "reason"),
        ),
        Trail(
            model=ClaimDocument,
            at="created_at",
            by=("uploaded_by",),
            things={"claim_id": "claim", "claim__policy_id": "policy"},
            what="kind",
            tells=("sha256",),
        ),
        Trail(model=TariffRevision, at="created_at", by=("author_id",), tells=("note", "added", "withdrawn")),
    ),
    parts={TariffRow: TariffRevision},
    find_things=_find_policies,
)
