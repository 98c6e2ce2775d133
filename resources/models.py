"""Cars, rooms and bays that can be booked, and when they are taken."""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Lower, Upper
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from resources.errors import AlreadyReleased


class ResourceType(models.Model):
    """What sort of thing is booked: a demonstration car, a meeting room, a lift."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("resource type")
        verbose_name_plural = _("resource types")
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("name"), name="resource_type_name_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="resource_type_name_given"),
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


class Resource(models.Model):
    """Something of which `quantity` equal units can be taken at once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    type = models.ForeignKey(ResourceType, on_delete=models.PROTECT, verbose_name=_("type"))
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True, default="")
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
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
        ]
        indexes: ClassVar = [
            models.Index(fields=["name", "id"], name="resource_by_name"),
            models.Index(fields=["created_at", "id"], name="resource_newest"),
            models.Index(fields=["type", "name", "id"], name="resource_by_type"),
            GinIndex(OpClass(Upper("name"), "gin_trgm_ops"), name="resource_name_search"),
        ]

    def __str__(self) -> str:
        return self.name

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


class _Interval(Func):
    """The half-open interval of an allocation."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class AllocationQuerySet(models.QuerySet["Allocation"]):
    """Filters of allocations."""

    def active(self) -> "AllocationQuerySet":
        """Allocations that were not given back."""
        return self.filter(released_at__isnull=True)

    def overlapping(self, start: datetime, end: datetime | None) -> "AllocationQuerySet":
        """Allocations with an instant in [start, end); an open end means for ever."""
        found = self.filter(ends_at__gt=start)
        return found if end is None else found.filter(starts_at__lt=end)


class Allocation(models.Model):
    """A quantity of a resource taken over [starts_at, ends_at), until it is released.

    `is_exclusive` is set while its resource has a single unit: then the database itself refuses an overlap.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    resource = models.ForeignKey(
        Resource, on_delete=models.PROTECT, related_name="allocations", verbose_name=_("resource")
    )
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    quantity = models.PositiveIntegerField(_("quantity"))
    is_exclusive = models.BooleanField(_("exclusive"))
    event_id = models.UUIDField(_("event"), null=True, blank=True)
    allocated_by = models.UUIDField(_("allocated by"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    released_at = models.DateTimeField(_("released at"), null=True, blank=True)

    objects = AllocationQuerySet.as_manager()

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="allocation_lasts"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="allocation_quantity_positive"),
            models.CheckConstraint(
                condition=Q(is_exclusive=False) | Q(quantity=1), name="allocation_exclusive_is_single"
            ),
            ExclusionConstraint(
                name="allocation_no_overlap",
                expressions=[
                    (_Interval("starts_at", "ends_at", RangeBoundary()), RangeOperators.OVERLAPS),
                    ("resource", RangeOperators.EQUAL),
                ],
                condition=Q(is_exclusive=True, released_at__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["starts_at", "id"], name="allocation_by_start"),
            models.Index(fields=["created_at", "id"], name="allocation_newest"),
            models.Index(fields=["resource", "starts_at", "id"], name="allocation_of_resource"),
            models.Index(fields=["event_id"], condition=Q(event_id__isnull=False), name="allocation_of_event"),
            models.Index(
                fields=["resource", "ends_at"], condition=Q(released_at__isnull=True), name="allocation_ahead"
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
