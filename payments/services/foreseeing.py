"""Show what a refund would come to before anybody asks for it."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from core.db import transaction
from payments.models import Refund
from payments.services.refunds import request_refund


class _Undone(Exception):
    """Takes back what was tried; `refund` is what it came to."""

    def __init__(self, refund: Refund) -> None:
        super().__init__()
        self.refund = refund


def foresee_refund(*, payment_id: UUID, amount: Decimal, reason: str, actor_id: UUID, now: datetime) -> Refund:
    """Return the refund as it would stand, `requested` where a second person has to agree; nothing of it stays.

    It is made and undone, so that the rules which judge it are those of the refund itself. Raises what
    `request_refund` raises. Not to be called inside a transaction, which it would undo.
    """
    try:
        with transaction("payments"):
            raise _Undone(
                request_refund(payment_id=payment_id, amount=amount, reason=reason, actor_id=actor_id, now=now)
            )
    except _Undone as undone:
        return undone.refund
