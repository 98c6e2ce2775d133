"""Correct what a sale earned its salesman: by a reason, and by two administrators."""

from datetime import datetime
from decimal import Decimal
from uuid import NAMESPACE_OID, UUID, uuid5

from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import InvalidInput, WrongTransition
from core.money import ZERO
from gateway import approvals
from orders.approvals import COMMISSION
from orders.models import Commission, CommissionKind, Status
from orders.services.changing import load_for
from orders.services.commissions import sum_entries, write_entry
from orders.services.history import Actor

HANDED_OVER = (Status.COMPLETED, Status.RETURNING)


def correct_commission(
    *,
    order_id: UUID,
    amount: Decimal,
    reason: str,
    actor: Actor,
    now: datetime,
    approver_id: UUID | None = None,
) -> Commission:
    """Add to what a sale that was handed over earned its salesman, or with a negative amount take from it.

    Two administrators agree to it, neither of them the salesman. Raises NotFound, InvalidInput (nothing, or more than
    there is to take), WrongTransition (not handed over, or returned), FourEyes, Waits.
    """
    if amount == 0:
        raise InvalidInput("amount", "invalid", _("More or less than nothing."))
    if not reason.strip():
        raise InvalidInput("reason", "required", _("Say why."))
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        order = saga.order
        if order.status not in HANDED_OVER or order.manager_id is None:
            raise WrongTransition(order.status, order.allowed(actor.roles))
        if (sum_entries(order.id) or ZERO) + amount < 0:
            raise InvalidInput("amount", "min_value", _("The sale has not earned as much as that."))
        ask = approvals.Ask(
            subject_id=uuid5(NAMESPACE_OID, f"commission/{order.id}"),
            amount=abs(amount),
            currency=order.currency,
            maker_id=actor.id,
            beneficiary_id=order.manager_id,
            number=order.number,
            reason=reason,
            args={"order_id": str(order.id), "amount": str(amount), "reason": reason},
        )
        approvals.admit(COMMISSION, ask, now=now)
        return write_entry(
            saga, CommissionKind.CORRECTED, amount, actor_id=actor.id, agreed_by=approver_id, reason=reason.strip()
        )


def correction_agreed(
    *, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, order_id: UUID, amount: Decimal, reason: str
) -> None:
    """Correct a commission as one administrator asked and a second agreed. Raises what `correct_commission` does."""
    actor = Actor(maker_id, frozenset({"admin"}))
    correct_commission(order_id=order_id, amount=amount, reason=reason, actor=actor, now=now, approver_id=approver_id)
