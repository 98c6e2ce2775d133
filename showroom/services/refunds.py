"""Give back what was paid for a seat when the seat is given up, or was paid twice."""

from uuid import UUID, uuid5

from gateway.approvals import require_permit
from messaging.outbox import send
from payments.commands import GiveBackTicketPrice
from showroom.models import PaymentState, Registration


def give_money_back(registration: Registration, *, reason: str) -> None:
    """Ask for the refund of a paid seat that was given up. Sends GiveBackTicketPrice. The caller saves."""
    if registration.payment_state != PaymentState.PAID or registration.payment_request_id is None:
        return
    registration.payment_state = PaymentState.REFUNDING
    ask_refund(registration, paid_by=registration.payment_request_id, reason=reason)


def ask_refund(registration: Registration, *, paid_by: UUID, reason: str) -> None:
    """Ask for the refund of one payment of a seat, known by its request. Sends GiveBackTicketPrice.

    Raises Undeclared.
    """
    require_permit("showroom")
    send(
        GiveBackTicketPrice(
            request_id=get_refund_id(paid_by),
            registration_id=registration.id,
            event_id=registration.happening_id,
            customer_id=registration.user_id,
            amount=registration.price,
            currency=registration.currency,
            reason=reason,
        )
    )


def get_refund_id(paid_by: UUID) -> UUID:
    """The id of the refund of a payment: however often it is asked for, payments gives it back once."""
    return uuid5(paid_by, "refund")
