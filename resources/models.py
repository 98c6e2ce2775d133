"""Cars, rooms and bays that can be booked, and when they are taken."""

from datetime import datetime, time, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Lower, Upper
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from resources.errors import AlreadyReleased
from resources.rules.hours import Hours

MAX_BUFFER = 24 * 60
"""Minutes a resource may stay taken before or after a booking."""


class DriveRole(models.TextChoices):
    """Part that a thing plays in a test drive, which takes its car, one place and one colleague, all or none."""

    CAR = "car", _("car")
    PLACE = "place", _("place")
    STAFF = "staff", _("colleague")


class ResourceType(models.Model):
    """Sort of thing that is booked: a demonstration car, a meeting room, a lift.

    At a place of hand-overs buyers are given what they bought, at a time that they choose of its free ones.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True, default="")
    test_drive_role = models.CharField(
        _("part in a test drive"), max_length=5, choices=DriveRole, blank=True, default="", db_default=""
    )
    is_handover_place = models.BooleanField(_("place of hand-overs"), default=False, db_default=False)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("resource type")
        verbose_name_plural = _("resource types")
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("name"), name="resource_type_name_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="resource_type_name_given"),
            models.CheckConstraint(
                condition=Q(test_drive_role__in=["", *DriveRole.values]), name="resource_type_role_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["name", "id"], name="resource_type_by_name"),
            models.Index(fields=["created_at", "id"], name="resource_type_newest"),
        ]

    def __str__(self) -> str:
        return self.name


class ResourceQuerySet(models.QuerySet["Resource"]):
    """Filters of resources."""

    def present(self) -> "ResourceQuerySet":
        """Resources that nobody deleted."""
        return self.filter(deleted_at__isnull=True)


USUAL_TIME_ZONE = "Europe/Moscow"
"""What the database fills in for a release that does not know the column; a setting must not make a migration."""


def dealer_time_zone() -> str:
    """Return the time zone in which the dealership's clocks hang."""
    return settings.DEALER_TIME_ZONE


class Resource(models.Model):
    """Something of which `quantity` equal units can be taken at once.

    It is open as its opening hours say, on the wall clock of `time_zone`; without any it is always open. Around
    each booking it stays taken for its buffers, in minutes. Out of service, it takes no bookings; nor once the vehicle
    it is has been sold.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    type = models.ForeignKey(ResourceType, on_delete=models.PROTECT, verbose_name=_("type"))
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True, default="")
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    time_zone = models.CharField(_("time zone"), max_length=64, default=dealer_time_zone, db_default=USUAL_TIME_ZONE)
    buffer_before = models.PositiveSmallIntegerField(_("minutes kept free before"), default=0, db_default=0)
    buffer_after = models.PositiveSmallIntegerField(_("minutes kept free after"), default=0, db_default=0)
    product_id = models.UUIDField(_("vehicle in the catalogue"), null=True, blank=True)
    is_in_service = models.BooleanField(_("in service"), default=True, db_default=True)
    out_of_service_reason = models.TextField(_("why it is out of service"), blank=True, default="", db_default="")
    is_sold = models.BooleanField(_("sold"), default=False, db_default=False, editable=False)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True)

    objects = ResourceQuerySet.as_manager()

    class Meta:
        verbose_name = _("resource")
        verbose_name_plural = _("resources")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="resource_quantity_positive"),
            models.CheckConstraint(condition=~Q(name=""), name="resource_name_given"),
            models.CheckConstraint(
                condition=Q(buffer_before__lte=MAX_BUFFER, buffer_after__lte=MAX_BUFFER),
                name="resource_buffers_within_a_day",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["name", "id"], name="resource_by_name"),
            models.Index(fields=["created_at", "id"], name="resource_newest"),
            models.Index(fields=["type", "name", "id"], name="resource_by_type"),
            GinIndex(OpClass(Upper("name"), "gin_trgm_ops"), name="resource_name_search"),
            models.Index(fields=["product_id"], condition=Q(product_id__isnull=False), name="resource_of_product"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_lent(self) -> bool:
        """Tell whether it takes bookings at all."""
        return self.is_in_service and not self.is_sold

    def change(self, fields: dict[str, Any], *, now: datetime) -> bool:
        """Set the given fields; tell whether any of them differed."""
        changed = {name: value for name, value in fields.items() if getattr(self, name) != value}
        for name, value in changed.items():
            setattr(self, name, value)
        if changed:
            self.touch(now)
        return bool(changed)

    def touch(self, now: datetime) -> None:
        """Record that the resource changed."""
        self.updated_at = now
        self.version += 1

    def busy(self, start: datetime, end: datetime) -> tuple[datetime, datetime]:
        """The interval a booking over [start, end) keeps taken: with the buffers on both sides."""
        return start - timedelta(minutes=self.buffer_before), end + timedelta(minutes=self.buffer_after)

    def rules(self) -> list[Hours]:
        """Its opening hours."""
        return [Hours(rule.weekday, rule.opens_at, rule.closes_at) for rule in self.opening_hours.all()]


class VehicleCopy(models.Model):
    """Copy of whether all of a product is sold, from catalog's events; older news than `stock_version` is dropped."""

    product_id = models.UUIDField(primary_key=True)
    is_sold = models.BooleanField(default=False)
    stock_version = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("vehicle in the catalogue")
        verbose_name_plural = _("vehicles in the catalogue")

    def __str__(self) -> str:
        return str(self.product_id)


class OpeningHours(models.Model):
    """A stretch of a weekday (1 is Monday) when a resource is open; `closes_at` 00:00 is the end of that day."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    resource = models.ForeignKey(
        Resource, on_delete=models.CASCADE, related_name="opening_hours", verbose_name=_("resource")
    )
    weekday = models.PositiveSmallIntegerField(_("weekday"))
    opens_at = models.TimeField(_("opens at"))
    closes_at = models.TimeField(_("closes at"))

    class Meta:
        verbose_name = _("opening hours")
        verbose_name_plural = _("opening hours")
        ordering: ClassVar = ["weekday", "opens_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource", "weekday", "opens_at"], name="opening_hours_once"),
            models.CheckConstraint(condition=Q(weekday__gte=1, weekday__lte=7), name="opening_hours_weekday"),
            models.CheckConstraint(
                condition=Q(closes_at__gt=F("opens_at")) | Q(closes_at=time(0)), name="opening_hours_last"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.weekday}: {self.opens_at:%H:%M} – {self.closes_at:%H:%M}"


class Blackout(models.Model):
    """[starts_at, ends_at) when a resource takes no bookings: a holiday, a repair, a stock-taking."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    resource = models.ForeignKey(
        Resource, on_delete=models.PROTECT, related_name="blackouts", verbose_name=_("resource")
    )
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("closure")
        verbose_name_plural = _("closures")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="blackout_lasts"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["resource", "starts_at", "id"], name="blackout_of_resource"),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} – {self.ends_at:%Y-%m-%d %H:%M}"


class _Interval(Func):
    """The half-open interval an allocation keeps taken."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class AllocationQuerySet(models.QuerySet["Allocation"]):
    """Filters of allocations."""

    def active(self) -> "AllocationQuerySet":
        """Allocations that were not given back."""
        return self.filter(released_at__isnull=True)

    def besides(self, booking_id: UUID | None) -> "AllocationQuerySet":
        """Allocations of every other booking, and those of none."""
        return self if booking_id is None else self.filter(~Q(booking_id=booking_id) | Q(booking_id=None))

    def overlapping(self, start: datetime, end: datetime | None) -> "AllocationQuerySet":
        """Allocations that keep an instant of [start, end) taken; an open end means for ever."""
        found = self.filter(busy_until__gt=start)
        return found if end is None else found.filter(busy_from__lt=end)


class Allocation(models.Model):
    """A quantity of a resource taken over [starts_at, ends_at), until it is released.

    With the resource's buffers of that time it is taken over [busy_from, busy_until). Allocations with one
    `booking_id` were made together, all or none; `order_id` is the order that is handed over then.
    `is_exclusive` is set while its resource has a single unit: then the database itself refuses an overlap.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    resource = models.ForeignKey(
        Resource, on_delete=models.PROTECT, related_name="allocations", verbose_name=_("resource")
    )
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    busy_from = models.DateTimeField(_("taken from"))
    busy_until = models.DateTimeField(_("taken until"))
    quantity = models.PositiveIntegerField(_("quantity"))
    is_exclusive = models.BooleanField(_("exclusive"))
    event_id = models.UUIDField(_("event"), null=True, blank=True)
    booking_id = models.UUIDField(_("booking"), null=True, blank=True)
    order_id = models.UUIDField(_("order"), null=True, blank=True)
    allocated_by = models.UUIDField(_("allocated by"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    released_at = models.DateTimeField(_("released at"), null=True, blank=True)
    replaced_by = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="replaces", verbose_name=_("replaced by")
    )

    objects = AllocationQuerySet.as_manager()

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="allocation_lasts"),
            models.CheckConstraint(
                condition=Q(busy_from__lte=F("starts_at"), busy_until__gte=F("ends_at")), name="allocation_busy_around"
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="allocation_quantity_positive"),
            models.CheckConstraint(
                condition=Q(is_exclusive=False) | Q(quantity=1), name="allocation_exclusive_is_single"
            ),
            ExclusionConstraint(
                name="allocation_no_overlap",
                expressions=[
                    (_Interval("busy_from", "busy_until", RangeBoundary()), RangeOperators.OVERLAPS),
                    ("resource", RangeOperators.EQUAL),
                ],
                condition=Q(is_exclusive=True, released_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=Q(replaced_by__isnull=True) | Q(released_at__isnull=False),
                name="allocation_replaced_is_released",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["starts_at", "id"], name="allocation_by_start"),
            models.Index(fields=["created_at", "id"], name="allocation_newest"),
            models.Index(fields=["resource", "starts_at", "id"], name="allocation_of_resource"),
            models.Index(fields=["event_id"], condition=Q(event_id__isnull=False), name="allocation_of_event"),
            models.Index(fields=["booking_id"], condition=Q(booking_id__isnull=False), name="allocation_of_booking"),
            models.Index(
                fields=["resource", "busy_until"], condition=Q(released_at__isnull=True), name="allocation_busy_ahead"
            ),
            models.Index(fields=["ends_at"], name="allocation_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} – {self.ends_at:%Y-%m-%d %H:%M}"

    def release(self, *, now: datetime) -> None:
        """Give it back. Raises AlreadyReleased."""
        if self.released_at is not None:
            raise AlreadyReleased
        self.released_at = now
