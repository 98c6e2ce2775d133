"""Money that goes back by hand after all was paid: a part is an allowance, all of it ends the order."""

from decimal import Decimal

from orders.models import CLOSED, LegKind, LegState, Status
from orders.rules.funding import due_from_buyer
from orders.services.locking import LockedOrder
from payments.events import PaymentRefunded

BY_HAND = "by_hand"
HANDED_OVER = (Status.COMPLETED, Status.RETURNING)
"""The goods are with their buyer: only a return calls such an order off."""


def settle_refund(saga: LockedOrder, event: PaymentRefunded) -> bool:
    """Note what a refund means to an order that was paid for; True where the order is to be called off by it.

    That is before the handover, without any money left; otherwise what a manager gave back is not asked for again.
    What a provider or the buyer's bank took back is still owed.
    """
    is_closing = saga.checkout.is_undoing or saga.order.status in CLOSED
    missing = due_from_buyer(saga.order)
    if is_closing or saga.payment.state != LegState.SUCCEEDED or missing <= 0:
        return False
    if saga.order.status not in HANDED_OVER and not saga.order.amount_paid and not saga.order.loan_amount:
        return True
    if event.cause == BY_HAND:
        _allow(saga, event, min(event.amount, missing))
    return False


def _allow(saga: LockedOrder, event: PaymentRefunded, amount: Decimal) -> None:
    granted = {
        "refund_id": str(event.refund_id),
        "payment_id": str(event.payment_id),
        "amount": str(amount),
        "reason": event.reason,
        "granted_at": saga.now.isoformat(),
    }
    _set(saga, [*saga.order.allowances, granted])
    saga.record("order.allowance_granted", reason=event.reason, data={"amount": str(amount)})
    if saga.order.status in HANDED_OVER:
        saga.call_manager(LegKind.PAYMENT, "refunded_after_handover", f"{amount} {saga.order.currency}")


def drop_allowance(saga: LockedOrder, refund_id: str) -> None:
    """Ask again for what a refund gave back: its money came back to us."""
    kept = [item for item in saga.order.allowances if item["refund_id"] != refund_id]
    if len(kept) < len(saga.order.allowances):
        _set(saga, kept)
        saga.record("order.allowance_withdrawn", data={"refund_id": refund_id})


def _set(saga: LockedOrder, allowances: list[dict[str, str]]) -> None:
    saga.order.allowances = allowances
    saga.order.allowance_amount = sum((Decimal(item["amount"]) for item in allowances), Decimal(0))
    saga.order.touch(saga.now)
    saga.publish_updated()
