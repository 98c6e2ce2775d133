"""Put a report right where an adjuster found otherwise: what happened, and when it did."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from core.errors import InvalidInput
from insurance.models import Claim, ClaimKind
from insurance.services.claims.reporting import check_cover, check_driver, pin_terms
from insurance.services.terms import terms_at


def move_loss(claim: Claim, occurred_at: datetime, *, reason: str, by: UUID | None, now: datetime) -> None:
    """Say that a locked claim's loss happened at another moment, and settle it by the terms of that one.

    Raises InvalidInput without a reason, NotCovered, DuplicateClaim.
    """
    if occurred_at == claim.occurred_at:
        return
    if not reason:
        raise InvalidInput("reason", "required", _("Say why the loss happened at another moment than was reported."))
    check_cover(claim.policy, occurred_at, now=now)
    before, after = pin_terms(claim), terms_at(claim.policy, occurred_at)
    claim.has_recourse = not check_driver(claim.policy, after, claim.driver_birth_date)
    claim.correct("occurred_at", occurred_at, reason=reason, by=by, now=now)
    if after != before:
        claim.correct("terms", after, reason=reason, by=by, now=now)


def confirm_kind(claim: Claim, kind: str, *, reason: str, by: UUID | None, now: datetime) -> None:
    """Say what a locked claim's loss was. Raises InvalidInput."""
    if kind not in ClaimKind.values:
        raise InvalidInput("kind", "invalid_choice", _("There is no such kind of loss."))
    claim.confirm_kind(kind, reason=reason, by=by, now=now)
