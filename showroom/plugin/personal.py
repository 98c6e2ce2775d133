"""Declare what the showroom holds of a person, and what erasure leaves of it."""

from functools import partial
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from accounts.events import UserDeleted, UserStayed
from core.db import on_commit
from core.files.kept import PAPERS
from core.files.orphans import names_files
from core.files.papers import destroy_papers
from messaging.people.classified import forgets, plain
from messaging.people.departures import open_door
from messaging.people.personal import Obligation, erase, holds, obliges
from messaging.subscriptions import subscribe
from showroom import services
from showroom.models import Drive, DriveCar, DriveStatus, EventCategory, Happening, Registration
from showroom.services.leaving import REASON


def _forget_driver(drives: QuerySet[Drive]) -> None:
    """A car leaves with a valid licence, so that it was valid that day is all that stays of it; signatures go."""
    drawn = drives.exclude(signature_path="")
    on_commit("showroom", partial(destroy_papers, list(drawn.values_list("signature_path", flat=True))))
    drawn.update(signature_path="", signature_sha256="")
    drives.exclude(reason=REASON).update(reason="")
    for drive in drives.filter(licence_valid_until__isnull=False):
        drive.licence_valid_until = drive.last_day
        drive.save(update_fields=["licence_valid_until"])


holds(
    Drive,
    owner="user_id",
    blank={"phone": "", "comment": "", "licence_last4": "", "return_note": "", "damage": ""},
    erase=_forget_driver,
)


def _obligations(user_id: UUID) -> list[Obligation]:
    """Our cars that the person is driving; whatever lies ahead is given up instead."""
    out = Drive.objects.filter(user_id=user_id, status=DriveStatus.OUT).order_by("pk").values_list("pk", flat=True)
    return [Obligation("test_drive", drive_id) for drive_id in out]


obliges("showroom", _obligations)

plain(EventCategory, "name description")
plain(Happening, "title description location time_zone currency cancel_reason")
plain(Registration, "currency payment_failure check_in_code")
plain(DriveCar, "name time_zone")
plain(Drive, "car_name time_zone")
forgets(
    Drive, "reason licence_valid_until signature_path signature_sha256", by="showroom.plugin.personal._forget_driver"
)


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Give up what the person had ahead, then erase what the showroom and its log tell of them; ids stay."""
    services.give_up_everything(user_id=event.user_id, now=timezone.now())
    erase("showroom", event.user_id)


@subscribe(UserStayed)
def let_in_again(event: UserStayed) -> None:
    """Let new business begin again for somebody who was not erased after all."""
    open_door("showroom", event.user_id, event.closing_id)


names_files(Drive, "signature_path", kind=PAPERS, folder="test-drives")
