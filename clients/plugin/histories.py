"""Declare the histories of clients that the audit search reads."""

from clients.models import Consent, ConsentProof
from core.postgres.trails import Audit, Trail

AUDIT = Audit(
    trails=(
        Trail(
            model=Consent,
            at="recorded_at",
            by=("recorded_by",),
            things={"client_id": "client"},
            what="kind",
            tells=("is_given", "source", "at"),
        ),
        Trail(
            model=ConsentProof,
            at="at",
            by=("user_id",),
            things={"lead_id": "lead"},
            what="door",
            tells=("text_version", "language"),
        ),
    ),
)
