"""What every app tells of actions that wait for a second person; each has an event of its own made of this."""

from decimal import Decimal
from uuid import UUID

from core.events import Event


class ApprovalNews(Event, frozen=True, kw_only=True):
    """An action began to wait for a second person, or its waiting ended: `state` says how.

    `amount` in major units of the currency is None where nobody can say what is given away. `person_id` is who asked
    while it waits, then who decided; None where that was the system or time.
    """

    approval_id: UUID
    kind: str
    subject_type: str
    subject_id: UUID
    number: str
    amount: Decimal | None
    currency: str
    state: str
    person_id: UUID | None
    reason: str = ""
