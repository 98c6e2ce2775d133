"""Registrations: taken and given up under the happening's row lock, so that no seat is given twice."""

from datetime import datetime
from uuid import UUID

from core.db import transaction
from core.money import ZERO
from gateway import approvals
from messaging.outbox import publish
from messaging.people.departures import refuse_leavers
from showroom.approvals import GUESTS_RIGHT, SEAT
from showroom.errors import (
    AlreadyCheckedIn,
    AlreadyRegistered,
    NotOffered,
    OfferHasExpired,
    PaymentRequired,
    RegistrationNotFound,
    UnknownCode,
)
from showroom.events import RegistrationCancelled, RegistrationCreated, RegistrationPromoted
from showroom.models import Happening, PaymentState, Registration, RegistrationStatus
from showroom.services.happenings import lock_happening
from showroom.services.refunds import give_money_back
from showroom.services.seats import close_gap, hold_seat, promote_waiting


def register(*, happening_id: UUID, user_id: UUID, now: datetime) -> Registration:
    """Take a seat, or the last place in the waiting list. A seat with a price is kept while it is paid.

    Publishes RegistrationCreated. Raises HappeningNotFound, HappeningIsCancelled, HappeningIsOver, AlreadyRegistered,
    AccountClosing.
    """
    with transaction("showroom"):
        refuse_leavers("showroom", user_id)
        happening = lock_happening(happening_id)
        happening.require_open(now)
        _refuse_second(happening, user_id)
        registration = _place(happening, user_id, now)
        happening.save(update_fields=["taken", "waiting"])
        publish(
            RegistrationCreated(
                event_id=happening.id,
                registration_id=registration.id,
                user_id=user_id,
                status=registration.status,
                title=happening.title,
                offer_expires_at=registration.offer_expires_at,
            )
        )
    return registration


def accept_offer(
    *, happening_id: UUID, registration_id: UUID, now: datetime, user_id: UUID | None = None
) -> Registration:
    """Take the seat that is kept. Publishes RegistrationPromoted.

    With `user_id`, only that person's own. Raises RegistrationNotFound, NotOffered, OfferHasExpired, PaymentRequired,
    HappeningNotFound, HappeningIsCancelled, HappeningIsOver.
    """
    with transaction("showroom"):
        happening = lock_happening(happening_id)
        registration = find_registration(happening, registration_id, user_id)
        happening.require_open(now)
        require_offer(registration, now)
        if registration.price:
            raise PaymentRequired
        confirm_seat(happening, registration, now)
    return registration


def expire_offer(*, happening_id: UUID, registration_id: UUID, now: datetime) -> None:
    """Give a seat whose deadline has passed to the next in line; a payment under way is waited for.

    Publishes RegistrationCancelled and what promotion publishes.
    """
    with transaction("showroom"):
        happening = lock_happening(happening_id, include_deleted=True)
        registration = Registration.objects.filter(happening=happening, pk=registration_id).first()
        if registration is None or registration.status != RegistrationStatus.OFFERED:
            return
        if registration.payment_state == PaymentState.PENDING or not _has_expired(registration, now):
            return
        approvals.let(GUESTS_RIGHT)
        _leave(happening, registration, now)


def cancel_registration(
    *,
    happening_id: UUID,
    registration_id: UUID,
    now: datetime,
    user_id: UUID | None = None,
    maker_id: UUID | None = None,
) -> Registration:
    """Give up a seat or a place; the waiting list moves up, and what was paid goes back.

    Publishes RegistrationCancelled, what promotion publishes, GiveBackTicketPrice. With `user_id`, only that
    person's own; `maker_id` is the member of the staff who gives up somebody else's. Raises RegistrationNotFound,
    RegistrationIsCancelled, HappeningIsOver, HappeningNotFound, FourEyes, Waits.
    """
    with transaction("showroom"):
        happening = lock_happening(happening_id)
        registration = find_registration(happening, registration_id, user_id)
        if registration.status != RegistrationStatus.CANCELLED:
            happening.require_open(now)
        _admit_leaving(happening, registration, maker_id, now)
        _leave(happening, registration, now)
    return registration


def give_up_agreed(*, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, happening_id: UUID) -> None:
    """Give up a seat as one person asked and a second agreed. Raises what `cancel_registration` does."""
    cancel_registration(happening_id=happening_id, registration_id=subject_id, maker_id=maker_id, now=now)


def _admit_leaving(happening: Happening, registration: Registration, maker_id: UUID | None, now: datetime) -> None:
    if maker_id is None:
        approvals.let(GUESTS_RIGHT)
        return
    is_paid = registration.payment_state == PaymentState.PAID
    request = approvals.Ask(
        subject_id=registration.id,
        amount=registration.price if is_paid else ZERO,
        currency=registration.currency,
        maker_id=maker_id,
        beneficiary_id=registration.user_id,
        number=happening.title,
        args={"happening_id": str(happening.id)},
    )
    approvals.admit(SEAT, request, now=now)


def check_in(*, happening_id: UUID, code: str, now: datetime) -> Registration:
    """Let a guest in who shows the code of a confirmed seat.

    Raises HappeningNotFound, HappeningIsCancelled, UnknownCode, AlreadyCheckedIn.
    """
    with transaction("showroom"):
        happening = lock_happening(happening_id)
        happening.require_scheduled()
        seat = Registration.objects.filter(happening=happening, status=RegistrationStatus.CONFIRMED)
        registration = seat.filter(check_in_code=code.strip().upper()).exclude(check_in_code="").first()
        if registration is None:
            raise UnknownCode
        if registration.checked_in_at:
            raise AlreadyCheckedIn(checked_in_at=registration.checked_in_at.isoformat())
        registration.checked_in_at = registration.updated_at = now
        registration.save()
    return registration


def find_registration(happening: Happening, registration_id: UUID, user_id: UUID | None) -> Registration:
    """A registration of a locked happening; with `user_id`, only that person's own. Raises RegistrationNotFound."""
    registration = Registration.objects.filter(happening=happening, pk=registration_id).first()
    if registration is None or user_id not in (None, registration.user_id):
        raise RegistrationNotFound
    return registration


def require_offer(registration: Registration, now: datetime) -> None:
    """Raise NotOffered or OfferHasExpired unless a seat is kept for it at this moment."""
    if registration.status != RegistrationStatus.OFFERED:
        raise NotOffered
    if _has_expired(registration, now):
        raise OfferHasExpired


def confirm_seat(happening: Happening, registration: Registration, now: datetime) -> None:
    """Turn a kept seat into a given one. Publishes RegistrationPromoted."""
    registration.confirm(now=now)
    registration.save()
    publish(
        RegistrationPromoted(
            event_id=happening.id,
            registration_id=registration.id,
            user_id=registration.user_id,
            title=happening.title,
        )
    )


def _has_expired(registration: Registration, now: datetime) -> bool:
    return registration.offer_expires_at is not None and now >= registration.offer_expires_at


def _leave(happening: Happening, registration: Registration, now: datetime) -> None:
    was_seated, position = registration.is_seated, registration.position
    registration.cancel(now=now)
    give_money_back(registration, reason="registration_cancelled")
    registration.save()
    _publish_cancelled(happening, registration)
    if was_seated:
        happening.taken -= 1
        if happening.is_scheduled:
            promote_waiting(happening, now)
    elif position is not None:
        close_gap(happening, position)
    happening.save(update_fields=["taken", "waiting"])


def _refuse_second(happening: Happening, user_id: UUID) -> None:
    live = Registration.objects.filter(happening=happening, user_id=user_id)
    existing = live.exclude(status=RegistrationStatus.CANCELLED).first()
    if existing:
        raise AlreadyRegistered(registration_id=str(existing.id))


def _place(happening: Happening, user_id: UUID, now: datetime) -> Registration:
    """Seat the person if a seat is free; nobody overtakes the waiting list, for a seat is never free while it lasts."""
    registration = Registration(
        happening=happening,
        user_id=user_id,
        price=happening.price,
        currency=happening.currency,
        created_at=now,
        updated_at=now,
    )
    if happening.seats_left:
        happening.taken += 1
        _seat(happening, registration, now)
    else:
        happening.waiting += 1
        registration.status, registration.position = RegistrationStatus.WAITLISTED, happening.waiting
    registration.save(force_insert=True)
    return registration


def _seat(happening: Happening, registration: Registration, now: datetime) -> None:
    until = happening.offer_ends(now)
    if happening.price and until is not None:
        hold_seat(happening, registration, until, now)
    else:
        registration.confirm(now=now)


def _publish_cancelled(happening: Happening, registration: Registration) -> None:
    publish(
        RegistrationCancelled(
            event_id=happening.id,
            registration_id=registration.id,
            user_id=registration.user_id,
            title=happening.title,
        )
    )
