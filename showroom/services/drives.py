"""Test drives: asked for, answered by resources, handed over, brought back."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.utils.translation import gettext

from core.db import Expected, require_version, transaction
from core.files.papers import Paper, StoredPaper, examine
from messaging.outbox import publish
from messaging.people.departures import refuse_leavers
from showroom.errors import (
    AnotherDriveThen,
    BadDriveTime,
    CarUnavailable,
    DriveHasBegun,
    DriveNotFound,
    LicenceExpired,
    NotYetStarted,
    OdometerRunsBackwards,
    TooManyDrives,
    UnknownCar,
    UnreadableSignature,
    WaiverNotSigned,
)
from showroom.events import DriveConfirmed, DriveEnded, DrivePlaced, DriveStarted
from showroom.models import Drive, DriveCar, DriveStatus

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=8)
FURTHEST = timedelta(days=180)
"""How far ahead a test drive may be booked."""
MAX_SIGNATURE_BYTES = 200_000
"""A drawing of a few strokes is a tenth of it."""


@dataclass(frozen=True)
class Contact:
    """Way to reach the driver, and what they wish to say."""

    phone: str = ""
    comment: str = ""


@dataclass(frozen=True)
class HandOver:
    """Checks before a car leaves; the odometer in km, fuel or charge in per cent.

    `signature` is a PNG of what the driver drew: with it the waiver is signed on the screen, without it on paper.
    """

    licence_last4: str
    licence_valid_until: date
    odometer: int
    waiver_signed: bool
    fuel: int | None = None
    signature: bytes = b""


@dataclass(frozen=True)
class Return:
    """State in which a car comes back; the odometer in km, fuel or charge in per cent."""

    odometer: int
    note: str = ""
    fuel: int | None = None
    damage: str = ""


def request_drive(
    *,
    user_id: UUID,
    car_id: UUID,
    start: datetime,
    end: datetime,
    now: datetime,
    contact: Contact | None = None,
    is_staff: bool = False,
) -> Drive:
    """Ask for a car over [start, end). Publishes DrivePlaced; resources confirms or refuses within moments.

    Raises UnknownCar, CarUnavailable, BadDriveTime, TooManyDrives (not to staff), AnotherDriveThen, AccountClosing.
    """
    _check_time(start, end, now)
    contact = contact or Contact()
    try:
        with transaction("showroom"):
            refuse_leavers("showroom", user_id)
            car = _lent_car(car_id)
            if not is_staff:
                _require_few(user_id, now)
            drive = Drive.objects.create(
                user_id=user_id,
                car_id=car.resource_id,
                car_name=car.name,
                product_id=car.product_id,
                time_zone=car.time_zone,
                starts_at=start,
                ends_at=end,
                phone=contact.phone,
                comment=contact.comment,
                created_at=now,
                updated_at=now,
            )
            _publish_requested(drive)
    except IntegrityError as error:
        raise AnotherDriveThen from error
    return drive


def _publish_requested(drive: Drive) -> None:
    publish(
        DrivePlaced(
            test_drive_id=drive.id,
            user_id=drive.user_id,
            car_id=drive.car_id,
            car_name=drive.car_name,
            start_time=drive.starts_at,
            end_time=drive.ends_at,
            product_id=drive.product_id,
        )
    )


def cancel_drive(
    *,
    drive_id: UUID,
    reason: str,
    now: datetime,
    user_id: UUID | None = None,
    expected_version: Expected = None,
) -> Drive:
    """Give a test drive up. Publishes DriveEnded.

    With `user_id`, only that person's own, and before it begins. Raises DriveNotFound, WrongTransition, DriveHasBegun,
    StaleVersion.
    """
    with transaction("showroom"):
        drive = lock_drive(drive_id, user_id=user_id, expected_version=expected_version)
        drive.move_to(DriveStatus.CANCELLED, now=now, reason=reason)
        if user_id and now >= drive.starts_at:
            raise DriveHasBegun
        _end(drive)
    return drive


def hand_over(
    *, drive_id: UUID, checked: HandOver, by: UUID, now: datetime, expected_version: Expected = None
) -> Drive:
    """Let the car leave. Publishes DriveStarted.

    Raises DriveNotFound, WrongTransition, CarUnavailable (it broke down or was sold meanwhile), LicenceExpired,
    WaiverNotSigned, UnreadableSignature, PaperTooLarge, StaleVersion, AccountClosing.
    """
    signature = _read_signature(checked.signature)
    with _storing(signature, drive_id) as kept, transaction("showroom"):
        drive = lock_drive(drive_id, expected_version=expected_version)
        refuse_leavers("showroom", drive.user_id)
        drive.move_to(DriveStatus.OUT, now=now)
        _refuse_absent(drive.car_id)
        if checked.licence_valid_until < drive.last_day:
            raise LicenceExpired
        if not checked.waiver_signed and signature is None:
            raise WaiverNotSigned
        drive.licence_last4, drive.licence_valid_until = checked.licence_last4, checked.licence_valid_until
        drive.odometer_out, drive.fuel_out, drive.waiver_signed_at = checked.odometer, checked.fuel, now
        if signature is not None and kept is not None:
            drive.signature_path, drive.signature_sha256 = kept.take(), signature.sha256
        drive.handed_over_at, drive.handed_over_by = now, by
        drive.save()
        publish(
            DriveStarted(
                test_drive_id=drive.id,
                user_id=drive.user_id,
                car_id=drive.car_id,
                car_name=drive.car_name,
                product_id=drive.product_id,
            )
        )
    return drive


def _storing(signature: Paper | None, drive_id: UUID) -> AbstractContextManager[StoredPaper | None]:
    """Store what was drawn, if anything was."""
    return nullcontext() if signature is None else signature.stored(f"test-drives/{drive_id}")


def _read_signature(drawn: bytes) -> Paper | None:
    """Return the picture that was drawn; a page sends nothing where nobody drew."""
    if not drawn:
        return None
    paper = examine(name="signature.png", content=drawn, max_bytes=MAX_SIGNATURE_BYTES)
    if paper.content_type != "image/png":
        raise UnreadableSignature
    return paper


def take_back(*, drive_id: UUID, seen: Return, now: datetime, expected_version: Expected = None) -> Drive:
    """Take the car back as it was seen. Publishes DriveEnded.

    Raises DriveNotFound, WrongTransition, OdometerRunsBackwards, StaleVersion.
    """
    with transaction("showroom"):
        drive = lock_drive(drive_id, expected_version=expected_version)
        drive.move_to(DriveStatus.RETURNED, now=now)
        if seen.odometer < (drive.odometer_out or 0):
            raise OdometerRunsBackwards
        drive.odometer_in, drive.fuel_in, drive.returned_at = seen.odometer, seen.fuel, now
        drive.return_note, drive.damage = seen.note, seen.damage
        _end(drive)
    return drive


def record_no_show(*, drive_id: UUID, now: datetime, expected_version: Expected = None) -> Drive:
    """Note that nobody came. Publishes DriveEnded. Raises DriveNotFound, WrongTransition, NotYetStarted,
    StaleVersion."""
    with transaction("showroom"):
        drive = lock_drive(drive_id, expected_version=expected_version)
        drive.move_to(DriveStatus.NO_SHOW, now=now)
        if now < drive.starts_at:
            raise NotYetStarted
        _end(drive)
    return drive


def confirm_drive(*, drive_id: UUID, now: datetime) -> None:
    """Hear that everything is booked. Publishes DriveConfirmed; one given up meanwhile stays given up."""
    with transaction("showroom"):
        drive = lock_drive(drive_id)
        if drive.status != DriveStatus.REQUESTED:
            return
        drive.move_to(DriveStatus.CONFIRMED, now=now)
        drive.save()
        _publish_confirmed(drive)


def refuse_drive(*, drive_id: UUID, code: str, now: datetime) -> None:
    """Hear that something was not free. Publishes DriveEnded."""
    with transaction("showroom"):
        drive = lock_drive(drive_id)
        if drive.status != DriveStatus.REQUESTED:
            return
        drive.move_to(DriveStatus.REFUSED, now=now, reason=code)
        _end(drive)


def move_drive(*, drive_id: UUID, from_id: UUID, to_id: UUID, now: datetime) -> None:
    """Hear that an equal resource took another's place; another car is told. Publishes DriveConfirmed."""
    with transaction("showroom"):
        drive = lock_drive(drive_id)
        if drive.car_id != from_id or drive.status != DriveStatus.CONFIRMED:
            return
        car = DriveCar.objects.filter(pk=to_id).first()
        drive.car_id, drive.car_name = to_id, car.name if car else drive.car_name
        drive.product_id = car.product_id if car else None
        drive.updated_at = now
        drive.version += 1
        drive.save()
        _publish_confirmed(drive, is_moved=True)


def break_off_drive(*, drive_id: UUID, reason: str, now: datetime, cause: str = "broken") -> None:
    """Hear that something broke down or was sold and nothing could replace it. Publishes DriveEnded."""
    with transaction("showroom"):
        drive = lock_drive(drive_id)
        if drive.status not in (DriveStatus.REQUESTED, DriveStatus.CONFIRMED):
            return
        drive.move_to(DriveStatus.CANCELLED, now=now, reason=reason)
        _end(drive, outcome=cause)


def store_car(*, resource_id: UUID, fields: dict[str, Any] | None) -> None:
    """Know a car that resources lends; None forgets it."""
    with transaction("showroom"):
        if fields is None:
            DriveCar.objects.filter(pk=resource_id).update(is_available=False)
        else:
            DriveCar.objects.update_or_create(resource_id=resource_id, defaults=fields)


def lock_drive(drive_id: UUID, *, user_id: UUID | None = None, expected_version: Expected = None) -> Drive:
    """Lock a test drive's row for the open transaction. Raises DriveNotFound, StaleVersion."""
    drive = Drive.objects.select_for_update().filter(pk=drive_id).first()
    if drive is None or user_id not in (None, drive.user_id):
        raise DriveNotFound
    require_version(drive.version, expected_version)
    return drive


def _check_time(start: datetime, end: datetime, now: datetime) -> None:
    if start <= now:
        raise BadDriveTime("start_time", gettext("A test drive begins in the future."))
    if start - now > FURTHEST:
        raise BadDriveTime("start_time", gettext("Test drives are booked up to 180 days ahead."))
    if not SHORTEST <= end - start <= LONGEST:
        raise BadDriveTime("end_time", gettext("A test drive takes from 5 minutes to 8 hours."))


def _lent_car(car_id: UUID) -> DriveCar:
    car = DriveCar.objects.select_for_update().filter(pk=car_id).first()
    if car is None:
        raise UnknownCar
    if not car.is_available:
        raise CarUnavailable
    return car


def _refuse_absent(car_id: UUID) -> None:
    car = DriveCar.objects.select_for_update().filter(pk=car_id).first()
    if car is not None and not car.is_available:
        raise CarUnavailable


def _require_few(user_id: UUID, now: datetime) -> None:
    ahead = Drive.objects.filter(
        user_id=user_id, status__in=[DriveStatus.REQUESTED, DriveStatus.CONFIRMED], ends_at__gt=now
    )
    if len(ahead.values_list("pk", flat=True)[: settings.TEST_DRIVES_AHEAD]) >= settings.TEST_DRIVES_AHEAD:
        raise TooManyDrives


def _end(drive: Drive, *, outcome: str = "") -> None:
    drive.save()
    publish(
        DriveEnded(
            test_drive_id=drive.id,
            user_id=drive.user_id,
            car_id=drive.car_id,
            car_name=drive.car_name,
            outcome=outcome or drive.status,
            reason=drive.reason,
            product_id=drive.product_id,
        )
    )


def _publish_confirmed(drive: Drive, *, is_moved: bool = False) -> None:
    publish(
        DriveConfirmed(
            test_drive_id=drive.id,
            user_id=drive.user_id,
            car_name=drive.car_name,
            start_time=drive.starts_at,
            time_zone=drive.time_zone,
            is_moved=is_moved,
        )
    )
