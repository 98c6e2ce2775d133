"""Declare what the API takes and shows of resources and allocations."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from gateway.requests.strict_input import WallClockField
from resources.models import MAX_BUFFER, Allocation, Blackout, DriveRole, Resource, ResourceType
from resources.rules.hours import Hours

MAX_QUANTITY = 100_000
MAX_RULES = 50
"""Stretches of opening hours a resource may have."""


class ResourceTypeSerializer(serializers.ModelSerializer):
    """A type of resources."""

    test_drive_role = serializers.ChoiceField(DriveRole.choices, allow_blank=True, read_only=True)

    class Meta:
        model = ResourceType
        fields = ["id", "name", "description", "test_drive_role", "is_handover_place", "created_at", "version"]
        read_only_fields = fields


class ResourceTypeInput(serializers.Serializer):
    """Fields that a manager writes on a type."""

    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    test_drive_role = serializers.ChoiceField(DriveRole.choices, allow_blank=True, default="")
    is_handover_place = serializers.BooleanField(default=False)


class OpeningHoursSerializer(serializers.Serializer):
    """Open from `opens` to `closes` on a weekday (1 is Monday), by the resource's clock; 00:00 ends the day."""

    weekday = serializers.IntegerField(min_value=1, max_value=7)
    opens = serializers.TimeField(format="%H:%M", source="opens_at")
    closes = serializers.TimeField(format="%H:%M", source="closes_at")


class ResourceSerializer(serializers.ModelSerializer):
    """A resource."""

    opening_hours = OpeningHoursSerializer(many=True, read_only=True)

    class Meta:
        model = Resource
        fields = [
            "id", "name", "type_id", "description", "quantity", "time_zone", "buffer_before", "buffer_after",
            "opening_hours", "product_id", "is_in_service", "out_of_service_reason", "is_sold",
            "created_at", "updated_at", "version",
        ]  # fmt: skip
        read_only_fields = fields


class ResourceInput(serializers.Serializer):
    """Fields that a manager writes on a resource."""

    name = serializers.CharField(max_length=200)
    type_id = serializers.UUIDField()
    description = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_QUANTITY, default=1)
    time_zone = serializers.CharField(max_length=64, required=False)
    buffer_before = serializers.IntegerField(min_value=0, max_value=MAX_BUFFER, default=0)
    buffer_after = serializers.IntegerField(min_value=0, max_value=MAX_BUFFER, default=0)
    product_id = serializers.UUIDField(allow_null=True, default=None)
    opening_hours = serializers.ListField(child=OpeningHoursSerializer(), required=False, max_length=MAX_RULES)

    def validate_time_zone(self, value: str) -> str:
        """Only zones of the IANA database."""
        if value not in _zones():
            raise serializers.ValidationError(_("There is no such time zone."), code="unknown_time_zone")
        return value

    def validate_opening_hours(self, value: list[dict[str, Any]]) -> list[Hours]:
        """As the services take them."""
        return [Hours(rule["weekday"], rule["opens_at"], rule["closes_at"]) for rule in value]


@cache
def _zones() -> set[str]:
    return available_timezones()


class AllocationSerializer(serializers.ModelSerializer):
    """A quantity taken over [start_time, end_time)."""

    start_time = serializers.DateTimeField(source="starts_at", read_only=True)
    end_time = serializers.DateTimeField(source="ends_at", read_only=True)

    class Meta:
        model = Allocation
        fields = [
            "id", "resource_id", "event_id", "booking_id", "order_id", "start_time", "end_time", "quantity",
            "allocated_by", "created_at", "released_at", "replaced_by_id",
        ]  # fmt: skip
        read_only_fields = fields


class AllocationInput(serializers.Serializer):
    """A booking."""

    start_time = WallClockField(help_text=_("Without an offset: by the clock of the resource."))
    end_time = WallClockField()
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_QUANTITY, default=1)
    event_id = serializers.UUIDField(allow_null=True, default=None)


class SpanSerializer(serializers.Serializer):
    """A stretch over which the same quantity is free."""

    start_time = serializers.DateTimeField(source="start")
    end_time = serializers.DateTimeField(source="end")
    allocated = serializers.IntegerField()
    available = serializers.IntegerField()


class AvailabilitySerializer(serializers.Serializer):
    """Free units of a resource: `available` throughout, and stretch by stretch."""

    resource_id = serializers.UUIDField()
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    quantity = serializers.IntegerField()
    available = serializers.IntegerField()
    spans = SpanSerializer(many=True)


class BlackoutSerializer(serializers.ModelSerializer):
    """[start_time, end_time) when the resource takes no bookings."""

    start_time = serializers.DateTimeField(source="starts_at", read_only=True)
    end_time = serializers.DateTimeField(source="ends_at", read_only=True)

    class Meta:
        model = Blackout
        fields = ["id", "resource_id", "start_time", "end_time", "reason", "created_at"]
        read_only_fields = fields


class BlackoutInput(serializers.Serializer):
    """A closure; with `replan` the bookings in its way move to equal resources or are given back."""

    start_time = WallClockField(help_text=_("Without an offset: by the clock of the resource."))
    end_time = WallClockField()
    reason = serializers.CharField(max_length=200, allow_blank=True, default="")
    replan = serializers.BooleanField(default=False)


class ReasonInput(serializers.Serializer):
    """Why."""

    reason = serializers.CharField(max_length=1000)


class MoveSerializer(serializers.Serializer):
    """An allocation and the one that took its place."""

    allocation_id = serializers.UUIDField()
    replaced_by_id = serializers.UUIDField()


class OutOfServiceSerializer(ResourceSerializer):
    """The resource and what became of its bookings ahead."""

    moved = MoveSerializer(many=True, read_only=True)
    released = serializers.ListField(child=serializers.UUIDField(), read_only=True)

    class Meta(ResourceSerializer.Meta):
        fields = [*ResourceSerializer.Meta.fields, "moved", "released"]
        read_only_fields = fields


class BlackoutMadeSerializer(BlackoutSerializer):
    """The closure and what became of the bookings in its way."""

    moved = MoveSerializer(many=True, read_only=True)
    released = serializers.ListField(child=serializers.UUIDField(), read_only=True)

    class Meta(BlackoutSerializer.Meta):
        fields = [*BlackoutSerializer.Meta.fields, "moved", "released"]
        read_only_fields = fields


class SlotSerializer(serializers.Serializer):
    """A time one can book: [start_time, end_time), and its start on the resource's wall clock."""

    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    local_start = serializers.CharField()


class SlotsSerializer(serializers.Serializer):
    """Free times of a resource, the earliest first; `truncated` when there are more."""

    resource_id = serializers.UUIDField()
    time_zone = serializers.CharField()
    duration_minutes = serializers.IntegerField()
    slots = SlotSerializer(many=True)
    truncated = serializers.BooleanField()


class SlotsQuery(serializers.Serializer):
    """Criteria of a search for free time."""

    duration = serializers.IntegerField(min_value=5, max_value=24 * 60, default=60)
    step = serializers.IntegerField(min_value=5, max_value=24 * 60, default=30)
