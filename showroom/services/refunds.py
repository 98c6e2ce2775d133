"""What was paid for a seat goes back when the seat is given up."""

from core.ids import uuid7
from messaging.outbox import publish
from showroom.events import TicketRefundRequested
from showroom.models import PaymentState, Registration


def give_money_back(registration: Registration, *, reason: str) -> None:
    """Ask for the refund of a paid seat that was given up. Publishes TicketRefundRequested. The caller saves."""
    if registration.payment_state != PaymentState.PAID:
        return
    registration.payment_state = PaymentState.REFUNDING
    publish(
        TicketRefundRequested(
            request_id=uuid7(),
            registration_id=registration.id,
            event_id=registration.happening_id,
            customer_id=registration.user_id,
            amount=registration.price,
            currency=registration.currency,
            reason=reason,
        )
    )
