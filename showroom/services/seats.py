"""Seats: given in the order of the waiting list whenever they come free, under the happening's row lock."""

from datetime import datetime
from typing import Any

from django.db.models import F

from messaging.delivery.timers import set_timer
from messaging.outbox import publish
from showroom.events import OfferExpired, RegistrationPromoted, SeatOffered
from showroom.models import Happening, Registration, RegistrationStatus


def promote_waiting(happening: Happening, now: datetime) -> None:
    """Give free seats of a locked happening to those who wait longest, or keep them for them if it keeps seats.

    Publishes RegistrationPromoted or SeatOffered for each. After the end nobody is promoted, and where seats have a
    price, after the start: there is no time left to pay. The caller saves the happening.
    """
    free = min(happening.seats_left, happening.waiting)
    if not free or now >= (happening.starts_at if happening.price else happening.ends_at):
        return
    waiting = Registration.objects.filter(happening=happening, status=RegistrationStatus.WAITLISTED)
    for registration in waiting.filter(position__lte=free).order_by("position"):
        registration.price, registration.currency = happening.price, happening.currency
        _promote(happening, registration, now)
    waiting.update(position=F("position") - free)
    happening.taken += free
    happening.waiting -= free


def close_gap(happening: Happening, position: int) -> None:
    """Move up everybody behind a place that was given up. The caller saves the happening."""
    Registration.objects.filter(
        happening=happening, status=RegistrationStatus.WAITLISTED, position__gt=position
    ).update(position=F("position") - 1)
    happening.waiting -= 1


def hold_seat(happening: Happening, registration: Registration, until: datetime, now: datetime) -> None:
    """Keep a seat for a registration until a moment, and set the clock. The caller saves the registration."""
    registration.offer(until=until, now=now)
    set_timer(
        handler="showroom.expire_offer",
        event=OfferExpired(event_id=happening.id, registration_id=registration.id),
        due_at=until,
    )


def _promote(happening: Happening, registration: Registration, now: datetime) -> None:
    until = happening.offer_ends(now)
    told: dict[str, Any] = {
        "event_id": happening.id,
        "registration_id": registration.id,
        "user_id": registration.user_id,
        "title": happening.title,
    }
    if until is None or until <= now:
        registration.confirm(now=now)
        registration.save()
        publish(RegistrationPromoted(**told))
        return
    hold_seat(happening, registration, until, now)
    registration.save()
    publish(SeatOffered(**told, expires_at=until))
