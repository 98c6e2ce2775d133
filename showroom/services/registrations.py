"""Registrations: taken and given up under the happening's row lock, so that no seat is given twice."""

from datetime import datetime
from uuid import UUID

from core.db import transaction
from messaging.outbox import publish
from showroom.errors import AlreadyRegistered, RegistrationNotFound
from showroom.events import RegistrationCancelled, RegistrationCreated
from showroom.models import Happening, Registration, RegistrationStatus
from showroom.services.happenings import lock_happening
from showroom.services.seats import close_gap, promote_waiting


def register(*, happening_id: UUID, user_id: UUID, now: datetime) -> Registration:
    """Take a seat, or the last place in the waiting list. Publishes RegistrationCreated.

    Raises HappeningNotFound, HappeningIsCancelled, HappeningIsOver, AlreadyRegistered.
    """
    with transaction("showroom"):
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
            )
        )
    return registration


def cancel_registration(
    *, happening_id: UUID, registration_id: UUID, now: datetime, user_id: UUID | None = None
) -> Registration:
    """Give up a seat or a place; the waiting list moves up. Publishes RegistrationCancelled, RegistrationPromoted.

    With `user_id`, only that person's own. Raises RegistrationNotFound, RegistrationIsCancelled, HappeningIsOver,
    HappeningNotFound.
    """
    with transaction("showroom"):
        happening = lock_happening(happening_id)
        registration = _find(happening, registration_id, user_id)
        was_seated, position = registration.is_seated, registration.position
        registration.cancel(now=now)
        happening.require_open(now)
        registration.save()
        _publish_cancelled(happening, registration)
        if was_seated:
            happening.taken -= 1
            promote_waiting(happening, now)
        elif position is not None:
            close_gap(happening, position)
        happening.save(update_fields=["taken", "waiting"])
    return registration


def _refuse_second(happening: Happening, user_id: UUID) -> None:
    live = Registration.objects.filter(happening=happening, user_id=user_id)
    existing = live.exclude(status=RegistrationStatus.CANCELLED).first()
    if existing:
        raise AlreadyRegistered(registration_id=str(existing.id))


def _place(happening: Happening, user_id: UUID, now: datetime) -> Registration:
    """Seat the person if a seat is free; nobody overtakes the waiting list, for a seat is never free while it lasts."""
    if happening.seats_left:
        status, position = RegistrationStatus.CONFIRMED, None
        happening.taken += 1
    else:
        happening.waiting += 1
        status, position = RegistrationStatus.WAITLISTED, happening.waiting
    return Registration.objects.create(
        happening=happening, user_id=user_id, status=status, position=position, created_at=now, updated_at=now
    )


def _find(happening: Happening, registration_id: UUID, user_id: UUID | None) -> Registration:
    registration = Registration.objects.filter(happening=happening, pk=registration_id).first()
    if registration is None or user_id not in (None, registration.user_id):
        raise RegistrationNotFound
    return registration


def _publish_cancelled(happening: Happening, registration: Registration) -> None:
    publish(
        RegistrationCancelled(
            event_id=happening.id,
            registration_id=registration.id,
            user_id=registration.user_id,
            title=happening.title,
        )
    )
