"""Test drives: who drives which car when, and in what state it left and came back."""

from datetime import date, datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7


class DriveCar(models.Model):
    """A copy of a car that resources lends for test drives."""

    resource_id = models.UUIDField(primary_key=True)
    name = models.CharField(_("name"), max_length=200)
    product_id = models.UUIDField(_("vehicle in the catalogue"), null=True, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64)
    is_available = models.BooleanField(_("can be booked"), default=True)

    class Meta:
        verbose_name = _("test-drive car")
        verbose_name_plural = _("test-drive cars")
        indexes: ClassVar = [
            models.Index(fields=["name", "resource_id"], condition=Q(is_available=True), name="drive_car_by_name"),
            models.Index(fields=["product_id"], condition=Q(product_id__isnull=False), name="drive_car_of_product"),
        ]

    def __str__(self) -> str:
        return self.name


class DriveStatus(models.TextChoices):
    """State of a test drive."""

    REQUESTED = "requested", _("requested")
    CONFIRMED = "confirmed", _("confirmed")
    OUT = "out", _("on the road")
    RETURNED = "returned", _("returned")
    REFUSED = "refused", _("refused")
    CANCELLED = "cancelled", _("cancelled")
    NO_SHOW = "no_show", _("nobody came")


NEXT = {
    DriveStatus.REQUESTED: frozenset({DriveStatus.CONFIRMED, DriveStatus.REFUSED, DriveStatus.CANCELLED}),
    DriveStatus.CONFIRMED: frozenset({DriveStatus.OUT, DriveStatus.CANCELLED, DriveStatus.NO_SHOW}),
    DriveStatus.OUT: frozenset({DriveStatus.RETURNED}),
}
LIVE = frozenset({DriveStatus.REQUESTED, DriveStatus.CONFIRMED, DriveStatus.OUT})
"""States in which something is, or is about to be, booked."""


MAX_ODOMETER = 5_000_000
"""Kilometres beyond which a reading is a slip of the pen."""
FULL_TANK = 100
"""Fuel is read in per cent of a tank or a battery."""


class _Interval(Func):
    """The half-open interval of a test drive."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class Drive(models.Model):
    """One test drive over [starts_at, ends_at). `/test-drives` in the API.

    It leaves with a licence checked, a waiver signed and the odometer read (km); of the licence only the last four
    characters and its end are kept. A signature drawn on the screen lies sealed among the private files.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user_id = models.UUIDField(_("user"))
    car_id = models.UUIDField(_("car"))
    car_name = models.CharField(_("car"), max_length=200)
    product_id = models.UUIDField(_("vehicle in the catalogue"), null=True, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    phone = models.CharField(_("phone"), max_length=32, blank=True, default="")
    comment = models.TextField(_("comment"), blank=True, default="")
    status = models.CharField(_("status"), max_length=9, choices=DriveStatus, default=DriveStatus.REQUESTED)
    reason = models.CharField(_("reason"), max_length=1000, blank=True, default="")
    licence_last4 = models.CharField(_("end of the licence number"), max_length=4, blank=True, default="")
    licence_valid_until = models.DateField(_("licence valid until"), null=True, blank=True)
    odometer_out = models.PositiveIntegerField(_("odometer when it left, km"), null=True, blank=True)
    odometer_in = models.PositiveIntegerField(_("odometer when it came back, km"), null=True, blank=True)
    fuel_out = models.PositiveSmallIntegerField(_("fuel when it left, %"), null=True, blank=True)
    fuel_in = models.PositiveSmallIntegerField(_("fuel when it came back, %"), null=True, blank=True)
    waiver_signed_at = models.DateTimeField(_("waiver signed at"), null=True, blank=True)
    signature_path = models.CharField(_("signature"), max_length=200, blank=True, default="", db_default="")
    signature_sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True, default="", db_default="")
    handed_over_by = models.UUIDField(_("handed over by"), null=True, blank=True)
    handed_over_at = models.DateTimeField(_("handed over at"), null=True, blank=True)
    returned_at = models.DateTimeField(_("returned at"), null=True, blank=True)
    return_note = models.TextField(_("note on its return"), blank=True, default="")
    damage = models.TextField(_("damage"), blank=True, default="", db_default="")
    reminded_at = models.DateTimeField(_("reminded at"), null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("test drive")
        verbose_name_plural = _("test drives")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="drive_lasts"),
            models.CheckConstraint(condition=Q(status__in=DriveStatus.values), name="drive_status_known"),
            models.CheckConstraint(
                condition=~Q(status__in=[DriveStatus.OUT, DriveStatus.RETURNED])
                | Q(
                    licence_valid_until__isnull=False,
                    odometer_out__isnull=False,
                    waiver_signed_at__isnull=False,
                    handed_over_at__isnull=False,
                ),
                name="drive_leaves_with_its_papers",
            ),
            models.CheckConstraint(
                condition=~Q(status=DriveStatus.RETURNED) | Q(odometer_in__gte=F("odometer_out")),
                name="drive_odometer_goes_forward",
            ),
            ExclusionConstraint(
                name="drive_one_at_a_time",
                expressions=[
                    (_Interval("starts_at", "ends_at", RangeBoundary()), RangeOperators.OVERLAPS),
                    ("user_id", RangeOperators.EQUAL),
                ],
                condition=Q(status__in=["requested", "confirmed", "out"]),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["starts_at", "id"], name="drive_by_start"),
            models.Index(fields=["created_at", "id"], name="drive_newest"),
            models.Index(fields=["user_id", "starts_at", "id"], name="drive_of_user"),
            models.Index(fields=["car_id", "starts_at", "id"], name="drive_of_car"),
            models.Index(fields=["status", "starts_at", "id"], name="drive_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.car_name}, {self.starts_at.astimezone(ZoneInfo(self.time_zone)):%d.%m.%Y %H:%M}"

    @property
    def last_day(self) -> date:
        """Return the day on which the car is back, by the clock of the place that it leaves."""
        return self.ends_at.astimezone(ZoneInfo(self.time_zone)).date()

    def move_to(self, status: DriveStatus, *, now: datetime, reason: str = "") -> None:
        """Go on to the next state. Raises WrongTransition."""
        allowed = NEXT.get(DriveStatus(self.status), frozenset())
        if status not in allowed:
            raise WrongTransition(self.status, sorted(allowed))
        self.status, self.updated_at = status, now
        self.reason = reason or self.reason
        self.version += 1
