"""Money above the total: asked back to the buyer by itself, each rouble once."""

from decimal import Decimal

from gateway.approvals import require_permit
from messaging.outbox import send
from orders.models import CLOSED, OrderPayment, PaymentState
from orders.rules.requests import StockRequest
from orders.services.locking import LockedOrder
from payments.commands import GiveBackExcess


def return_excess(saga: LockedOrder, reason: str) -> None:
    """Ask payments to give back what is paid above the total, newest payments first.

    What has been asked back and is on its way counts as returned, and premiums that insurance gives back are not asked
    for a second time. An order that is being called off gets everything back anyway, and while other lines wait for
    their stock the total may still go back to what it was.
    """
    excess = saga.order.excess
    is_changing = bool(StockRequest.of(saga.stock).revert)
    if excess <= 0 or is_changing or saga.checkout.is_undoing or saga.order.status in CLOSED:
        return
    taken = list(OrderPayment.objects.filter(order_id=saga.order.id, state=PaymentState.TAKEN).order_by("-payment_id"))
    excess -= sum((max(Decimal(0), payment.asked_back - payment.refunded) for payment in taken), Decimal(0))
    for payment in taken:
        amount = min(excess, payment.amount - max(payment.refunded, payment.asked_back))
        if amount > 0:
            excess -= amount
            _ask_back(saga, payment, amount, reason)


def _ask_back(saga: LockedOrder, payment: OrderPayment, amount: Decimal, reason: str) -> None:
    require_permit("orders")
    payment.asked_back = max(payment.refunded, payment.asked_back) + amount
    payment.save(update_fields=["asked_back"])
    saga.record("payment.excess_asked_back", reason=reason, data={"amount": str(amount)})
    send(GiveBackExcess(order_id=saga.order.id, payment_id=payment.payment_id, amount=amount, reason=reason))
