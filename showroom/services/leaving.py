"""Giving up all that a person who is erased had ahead of them."""

from datetime import datetime
from uuid import UUID

from core.db import transaction
from showroom.models import Drive, DriveStatus, HappeningStatus, Registration, RegistrationStatus
from showroom.services.drives import cancel_drive
from showroom.services.registrations import cancel_registration

REASON = "account_erased"


def give_up_everything(*, user_id: UUID, now: datetime) -> None:
    """Cancel a person's seats, places in line and test drives that have not begun; said again, it changes nothing.

    Waiting lists move up, paid seats are refunded, cars are free again, each as if the person had done it. Publishes
    RegistrationCancelled, what promotion publishes, GiveBackTicketPrice, DriveEnded.
    """
    with transaction("showroom"):
        seats = Registration.objects.filter(user_id=user_id, happening__starts_at__gt=now)
        seats = seats.filter(happening__status=HappeningStatus.SCHEDULED, happening__deleted_at__isnull=True)
        seats = seats.exclude(status=RegistrationStatus.CANCELLED).order_by("happening_id")
        for happening_id, registration_id in list(seats.values_list("happening_id", "pk")):
            cancel_registration(happening_id=happening_id, registration_id=registration_id, now=now)
        drives = Drive.objects.filter(user_id=user_id, starts_at__gt=now)
        drives = drives.filter(status__in=[DriveStatus.REQUESTED, DriveStatus.CONFIRMED]).order_by("pk")
        for drive_id in list(drives.values_list("pk", flat=True)):
            cancel_drive(drive_id=drive_id, reason=REASON, now=now)
