"""Reminders: each happening and test drive tells its guests once, some hours before it begins."""

from datetime import datetime, timedelta

from django.conf import settings

from core.db import transaction
from messaging.outbox import publish
from showroom.events import DriveReminder, HappeningReminder
from showroom.models import Drive, DriveStatus, Happening, HappeningStatus, Registration, RegistrationStatus
from showroom.services.happenings import TOLD_AT_ONCE

BATCH = 50
"""Happenings, or test drives, in one transaction."""


def send_reminders(*, now: datetime) -> int:
    """Remind of what begins soon; return of how many. Publishes HappeningReminder and DriveReminder."""
    soon = now + timedelta(hours=settings.REMIND_HOURS)
    reminded = 0
    while count := _remind_of_happenings(now, soon):
        reminded += count
    while count := _remind_of_drives(now, soon):
        reminded += count
    return reminded


def _remind_of_happenings(now: datetime, soon: datetime) -> int:
    with transaction("showroom"):
        due = Happening.objects.select_for_update(skip_locked=True).present()
        due = due.filter(
            status=HappeningStatus.SCHEDULED, reminded_at__isnull=True, starts_at__gt=now, starts_at__lte=soon
        )
        found = list(due.order_by("starts_at", "id")[:BATCH])
        for happening in found:
            _publish_reminders(happening)
            happening.reminded_at = now
            happening.save(update_fields=["reminded_at"])
    return len(found)


def _publish_reminders(happening: Happening) -> None:
    seated = Registration.objects.filter(happening=happening, status=RegistrationStatus.CONFIRMED)
    user_ids = list(seated.order_by("created_at", "id").values_list("user_id", flat=True))
    for start in range(0, len(user_ids), TOLD_AT_ONCE):
        publish(
            HappeningReminder(
                event_id=happening.id,
                title=happening.title,
                start_date=happening.starts_at,
                time_zone=happening.time_zone,
                location=happening.location,
                user_ids=user_ids[start : start + TOLD_AT_ONCE],
            )
        )


def _remind_of_drives(now: datetime, soon: datetime) -> int:
    with transaction("showroom"):
        due = Drive.objects.select_for_update(skip_locked=True).filter(
            status=DriveStatus.CONFIRMED, reminded_at__isnull=True, starts_at__gt=now, starts_at__lte=soon
        )
        found = list(due.order_by("starts_at", "id")[:BATCH])
        for drive in found:
            drive.reminded_at = now
            drive.save(update_fields=["reminded_at"])
            publish(
                DriveReminder(
                    test_drive_id=drive.id,
                    user_id=drive.user_id,
                    car_name=drive.car_name,
                    start_time=drive.starts_at,
                    time_zone=drive.time_zone,
                )
            )
    return len(found)
