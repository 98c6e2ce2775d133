"""The waiting list: moves up in order whenever seats come free, under the happening's row lock."""

from datetime import datetime

from django.db.models import F

from messaging.outbox import publish
from showroom.events import RegistrationPromoted
from showroom.models import Happening, Registration, RegistrationStatus


def promote_waiting(happening: Happening, now: datetime) -> None:
    """Give free seats of a locked happening to those who wait longest. Publishes RegistrationPromoted for each.

    After the end nobody is promoted. The caller saves the happening.
    """
    free = min(happening.seats_left, happening.waiting)
    if not free or now >= happening.ends_at:
        return
    waiting = Registration.objects.filter(happening=happening, status=RegistrationStatus.WAITLISTED)
    for registration in waiting.filter(position__lte=free).order_by("position"):
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
    waiting.update(position=F("position") - free)
    happening.taken += free
    happening.waiting -= free


def close_gap(happening: Happening, position: int) -> None:
    """Move up everybody behind a place that was given up. The caller saves the happening."""
    Registration.objects.filter(
        happening=happening, status=RegistrationStatus.WAITLISTED, position__gt=position
    ).update(position=F("position") - 1)
    happening.waiting -= 1
