"""A loan that the buyer found by themselves for an order that waits for its money: it joins the checkout as a leg."""

from financing.commands import WithdrawLoan
from financing.events import ApplicationAccepted
from messaging.outbox import send
from orders.models import LEG_ORDER, CheckoutLeg, LegKind, LegState, SagaState, Status
from orders.services.editing import publish_updated, settle_payment
from orders.services.history import record_step
from orders.services.requests import due_from_buyer
from orders.services.saga import Saga


def take_own_loan(saga: Saga, event: ApplicationAccepted) -> None:
    """Let an accepted loan pay its part; its payout is the checkout's last leg. One that has no room is given back.

    The attempt of such a loan is its application. Heard of twice it is taken once.
    """
    loan = saga.legs.get(LegKind.LOAN)
    if loan is not None and loan.attempt_id == event.attempt_id:
        return
    if not _has_room(saga, event):
        send(WithdrawLoan(order_id=saga.order.id, attempt_id=event.application_id, reason="order_not_waiting"))
        return
    for kind in (LegKind.LOAN, LegKind.DISBURSEMENT):
        saga.legs[kind] = CheckoutLeg(checkout=saga.checkout, kind=kind, rank=LEG_ORDER.index(kind))
    leg = saga.legs[LegKind.LOAN]
    leg.attempt_id, leg.started_at, leg.finished_at = event.application_id, saga.now, saga.now
    saga.mark(leg, LegState.SUCCEEDED)
    saga.mark(saga.legs[LegKind.DISBURSEMENT], LegState.PENDING)
    saga.order.financing_application_id = event.application_id
    saga.order.loan_amount = event.amount
    saga.order.touch(saga.now)
    record_step(saga, "loan.succeeded", now=saga.now, data={"amount": str(event.amount)})
    publish_updated(saga)
    settle_payment(saga)


def _has_room(saga: Saga, event: ApplicationAccepted) -> bool:
    """Tell whether the order still waits for so much, has no loan, and no payment is being taken at this moment."""
    if LegKind.LOAN in saga.legs or saga.order.status not in (Status.CREATED, Status.AWAITING_PAYMENT):
        return False
    payment = saga.legs[LegKind.PAYMENT]
    is_waiting = payment.state == LegState.RUNNING and saga.checkout.state == SagaState.WAITING
    is_open = not saga.checkout.is_undoing and (payment.state == LegState.PENDING or is_waiting)
    return is_open and event.amount <= due_from_buyer(saga.order)
