"""The price of a seat: asked of payments, and given back when the seat is given up."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from core.db import transaction
from core.ids import uuid7
from gateway.approvals import let
from messaging.outbox import send
from payments.commands import Means, ReceiptItem, TakeTicketPrice
from showroom.approvals import FALLEN_THROUGH
from showroom.errors import NothingToPay, PaymentUnderWay
from showroom.models import Happening, PaymentState, Registration, RegistrationStatus
from showroom.services import registrations
from showroom.services.happenings import lock_happening
from showroom.services.refunds import ask_refund, get_refund_id, give_money_back

_SETTLED = frozenset({PaymentState.PAID, PaymentState.REFUNDING, PaymentState.REFUNDED})


def pay_seat(*, happening_id: UUID, registration_id: UUID, user_id: UUID, means: Means, now: datetime) -> Registration:
    """Ask for the price of one's kept seat. Sends TakeTicketPrice; the answer confirms the seat.

    Raises RegistrationNotFound, NotOffered, OfferHasExpired, NothingToPay, PaymentUnderWay, HappeningNotFound,
    HappeningIsCancelled, HappeningIsOver.
    """
    with transaction("showroom"):
        happening = lock_happening(happening_id)
        registration = registrations.find_registration(happening, registration_id, user_id)
        happening.require_open(now)
        if registration.payment_state == PaymentState.PENDING:
            raise PaymentUnderWay
        registrations.require_offer(registration, now)
        if not registration.price:
            raise NothingToPay
        registration.payment_state, registration.payment_failure = PaymentState.PENDING, ""
        registration.payment_request_id, registration.updated_at = uuid7(), now
        registration.save()
        send(
            TakeTicketPrice(
                request_id=registration.payment_request_id,
                registration_id=registration.id,
                event_id=happening.id,
                customer_id=user_id,
                amount=registration.price,
                currency=registration.currency,
                **asdict(means),
                description=happening.title,
                receipt=[
                    ReceiptItem(
                        name=happening.title,
                        amount=registration.price,
                        unit_price=registration.price,
                        subject="service",
                    )
                ],
            )
        )
    return registration


def settle_seat(*, registration_id: UUID, request_id: UUID, is_paid: bool, code: str, now: datetime) -> None:
    """Hear what became of a payment: a kept seat is confirmed; money that comes too late, or twice, goes back.

    A payment thought refused may come through all the same, after another was begun: whichever arrives first pays the
    seat. Publishes
    RegistrationPromoted or, when the deadline has passed, RegistrationCancelled; sends GiveBackTicketPrice.
    """
    found = Registration.objects.filter(pk=registration_id).first()
    if found is None:
        return
    with transaction("showroom"):
        happening = lock_happening(found.happening_id, include_deleted=True)
        registration = Registration.objects.get(pk=registration_id)
        let(FALLEN_THROUGH)
        if is_paid:
            _take_money(happening, registration, request_id, now)
        elif registration.payment_request_id == request_id and registration.payment_state not in _SETTLED:
            registration.payment_state, registration.payment_failure = PaymentState.FAILED, code
            registration.updated_at = now
            registration.save()
    if not is_paid:
        registrations.expire_offer(happening_id=found.happening_id, registration_id=registration_id, now=now)


def _take_money(happening: Happening, registration: Registration, request_id: UUID, now: datetime) -> None:
    """Count money that has arrived for a seat; `payment_request_id` is then the payment that counts."""
    if registration.payment_state in _SETTLED:
        if registration.payment_request_id != request_id:
            ask_refund(registration, paid_by=request_id, reason="paid_twice")
        return
    registration.payment_state, registration.payment_failure = PaymentState.PAID, ""
    registration.payment_request_id, registration.updated_at = request_id, now
    if registration.status == RegistrationStatus.OFFERED:
        registrations.confirm_seat(happening, registration, now)
        return
    give_money_back(registration, reason="registration_cancelled")
    registration.save()


def record_refund(*, registration_id: UUID, request_id: UUID, is_paid: bool) -> None:
    """Hear that the price of a seat was given back; one that failed waits with payments for a manager."""
    with transaction("showroom"):
        seat = Registration.objects.select_for_update().filter(pk=registration_id).first()
        if seat is None or seat.payment_state != PaymentState.REFUNDING or not is_paid:
            return
        if seat.payment_request_id is not None and request_id == get_refund_id(seat.payment_request_id):
            seat.payment_state = PaymentState.REFUNDED
            seat.save(update_fields=["payment_state"])
