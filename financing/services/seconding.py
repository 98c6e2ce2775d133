"""A second pair of eyes in financing: what is asked of a second person, and whose application nobody decides alone."""

from datetime import datetime
from uuid import UUID

from financing.approvals import APPROVE
from financing.models import Application, Override
from gateway import approvals
from gateway.approvals import Ask


def admit_approving(application: Application, manager_id: UUID, now: datetime) -> None:
    """Let a manager decide what the rules leave to a person, but not about their own. Raises FourEyes."""
    request = Ask(
        subject_id=application.id,
        amount=application.requested_amount,
        currency=application.currency,
        maker_id=manager_id,
        beneficiary_id=application.customer_id,
    )
    approvals.admit(APPROVE, request, now=now)


def about_override(override: Override) -> Ask:
    """Build the question to a second person about a loan against the rules."""
    application = override.application
    return Ask(
        subject_id=override.id,
        amount=override.amount,
        currency=application.currency,
        maker_id=override.proposed_by,
        beneficiary_id=application.customer_id,
        reason=override.reason,
    )
