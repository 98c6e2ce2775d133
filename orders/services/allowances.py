"""Money that goes back by hand after all was paid: a part is an allowance, all of it ends the order."""

from decimal import Decimal

from orders.models import CLOSED, LegKind, LegState, Status
from orders.services.changing import move_saga
from orders.services.editing import publish_updated
from orders.services.history import SYSTEM_ACTOR
from orders.services.requests import due_from_buyer
from orders.services.saga import Saga
from payments.events import PaymentRefunded

BY_HAND = "by_hand"
HANDED_OVER = (Status.COMPLETED, Status.RETURNING)
"""The goods are with their buyer: only a return calls such an order off."""


def settle_refund(saga: Saga, event: PaymentRefunded) -> None:
    """Say what a refund means to an order that was paid for.

    Before the handover an order without any money left is called off; otherwise what a manager gave back is not asked
    for again. What a provider or the buyer's bank took back is still owed.
    """
    is_closing = saga.checkout.is_undoing or saga.order.status in CLOSED
    missing = due_from_buyer(saga.order)
    if is_closing or saga.legs[LegKind.PAYMENT].state != LegState.SUCCEEDED or missing <= 0:
        return
    if saga.order.status not in HANDED_OVER and not saga.order.amount_paid and not saga.order.loan_amount:
        move_saga(saga, Status.CANCELLED, actor=SYSTEM_ACTOR, reason="refunded")
    elif event.cause == BY_HAND:
        _allow(saga, event, min(event.amount, missing))


def _allow(saga: Saga, event: PaymentRefunded, amount: Decimal) -> None:
    granted = {
        "refund_id": str(event.refund_id),
        "payment_id": str(event.payment_id),
        "amount": str(amount),
        "reason": event.reason,
        "granted_at": saga.now.isoformat(),
    }
    _set(saga, [*saga.order.allowances, granted])
    saga.note("order.allowance_granted", reason=event.reason, data={"amount": str(amount)})
    if saga.order.status in HANDED_OVER:
        saga.call_manager(LegKind.PAYMENT, "refunded_after_handover", f"{amount} {saga.order.currency}")


def drop_allowance(saga: Saga, refund_id: str) -> None:
    """Ask again for what a refund gave back: its money came back to us."""
    kept = [item for item in saga.order.allowances if item["refund_id"] != refund_id]
    if len(kept) < len(saga.order.allowances):
        _set(saga, kept)
        saga.note("order.allowance_withdrawn", data={"refund_id": refund_id})


def _set(saga: Saga, allowances: list[dict[str, str]]) -> None:
    saga.order.allowances = allowances
    saga.order.allowance_amount = sum((Decimal(item["amount"]) for item in allowances), Decimal(0))
    saga.order.touch(saga.now)
    publish_updated(saga)
