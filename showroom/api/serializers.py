"""Declare what the API takes and shows of happenings and registrations."""

from decimal import Decimal
from functools import cache
from zoneinfo import available_timezones

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.money import MAX_AMOUNT
from gateway.requests.strict_input import WallClockField
from payments.commands import METHODS
from showroom.models import (
    FULL_TANK,
    MAX_ODOMETER,
    MAX_OFFER_HOURS,
    Drive,
    DriveCar,
    EventCategory,
    Happening,
    HappeningKind,
    HappeningStatus,
    Registration,
)

MAX_CAPACITY = 100_000


class EventCategorySerializer(serializers.ModelSerializer):
    """A category of happenings."""

    class Meta:
        model = EventCategory
        fields = ["id", "name", "description", "created_at", "version"]
        read_only_fields = fields


class EventCategoryInput(serializers.Serializer):
    """Fields that a manager writes on a category."""

    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=10_000, allow_blank=True, default="")


class HappeningSerializer(serializers.ModelSerializer):
    """A happening and how full it is."""

    start_date = serializers.DateTimeField(source="starts_at", read_only=True)
    end_date = serializers.DateTimeField(source="ends_at", read_only=True)
    seats_taken = serializers.IntegerField(source="taken", read_only=True)
    seats_left = serializers.IntegerField(read_only=True)
    waitlist_length = serializers.IntegerField(source="waiting", read_only=True)

    class Meta:
        model = Happening
        fields = [
            "id", "title", "description", "kind", "category_id", "location", "start_date", "end_date",
            "time_zone", "capacity", "price", "currency", "offer_hours", "seats_taken", "seats_left",
            "waitlist_length", "status", "cancel_reason",
            "created_at", "updated_at", "version",
        ]  # fmt: skip
        read_only_fields = fields


class HappeningInput(serializers.Serializer):
    """Fields that a manager writes on a happening."""

    title = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    kind = serializers.ChoiceField(HappeningKind.choices, default=HappeningKind.EVENT)
    category_id = serializers.UUIDField(allow_null=True, default=None)
    location = serializers.CharField(max_length=255, allow_blank=True, default="")
    start_date = WallClockField(source="starts_at", help_text=_("Without an offset: by the clock of `time_zone`."))
    end_date = WallClockField(source="ends_at")
    time_zone = serializers.CharField(max_length=64, required=False)
    capacity = serializers.IntegerField(min_value=1, max_value=MAX_CAPACITY)
    price = serializers.DecimalField(
        max_digits=14, decimal_places=2, min_value=Decimal(0), max_value=MAX_AMOUNT, default=Decimal("0.00")
    )
    offer_hours = serializers.IntegerField(min_value=0, max_value=MAX_OFFER_HOURS, required=False)

    def validate_time_zone(self, value: str) -> str:
        """Only zones of the IANA database."""
        if value not in _zones():
            raise serializers.ValidationError(_("There is no such time zone."), code="unknown_time_zone")
        return value


@cache
def _zones() -> set[str]:
    return available_timezones()


class HappeningChange(HappeningInput):
    """A change of some fields; `status: cancelled` calls the happening off and changes nothing else."""

    status = serializers.ChoiceField(HappeningStatus.choices, required=False)
    reason = serializers.CharField(max_length=1000, allow_blank=True, required=False)


class CancelInput(serializers.Serializer):
    """Why."""

    reason = serializers.CharField(max_length=1000, allow_blank=True, default="")


class RegistrationSerializer(serializers.ModelSerializer):
    """A seat, or a place in the waiting list."""

    event_id = serializers.UUIDField(source="happening_id", read_only=True)

    class Meta:
        model = Registration
        fields = [
            "id", "event_id", "user_id", "status", "position", "offer_expires_at", "price", "currency",
            "payment_state", "payment_failure", "check_in_code", "checked_in_at", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields


class CheckInInput(serializers.Serializer):
    """The code a guest shows."""

    code = serializers.CharField(max_length=32)


class PayInput(serializers.Serializer):
    """Means of paying for a seat; a card without `token` or `payment_method_id` is asked for on the provider's page."""

    method = serializers.ChoiceField(METHODS)
    token = serializers.CharField(max_length=255, allow_blank=True, default="")
    payment_method_id = serializers.UUIDField(allow_null=True, default=None)


class DriveCarSerializer(serializers.ModelSerializer):
    """A car one can test; its free slots are at `/resources/{id}/slots`."""

    id = serializers.UUIDField(source="resource_id", read_only=True)

    class Meta:
        model = DriveCar
        fields = ["id", "name", "product_id", "time_zone"]
        read_only_fields = fields


class DriveSerializer(serializers.ModelSerializer):
    """A test drive."""

    start_time = serializers.DateTimeField(source="starts_at", read_only=True)
    end_time = serializers.DateTimeField(source="ends_at", read_only=True)

    class Meta:
        model = Drive
        fields = [
            "id", "user_id", "car_id", "car_name", "product_id", "start_time", "end_time", "time_zone", "phone",
            "comment", "status", "reason", "licence_last4", "licence_valid_until", "odometer_out", "odometer_in",
            "fuel_out", "fuel_in", "waiver_signed_at", "handed_over_at", "returned_at", "return_note", "damage",
            "created_at", "updated_at", "version",
        ]  # fmt: skip
        read_only_fields = fields


class DriveInput(serializers.Serializer):
    """A wish to drive a car over [start_time, end_time); managers may book for `customer_id`."""

    car_id = serializers.UUIDField()
    start_time = WallClockField(help_text=_("Without an offset: by the clock of the car's place."))
    end_time = WallClockField()
    phone = serializers.RegexField(r"^\+?[0-9 ()\-]{5,32}$", allow_blank=True, default="")
    comment = serializers.CharField(max_length=1000, allow_blank=True, default="")
    customer_id = serializers.UUIDField(required=False)


class HandOverInput(serializers.Serializer):
    """Checks before the car leaves; the odometer in km, fuel or charge in per cent."""

    licence_last4 = serializers.RegexField(r"^[0-9A-Za-zА-Яа-я]{4}$")
    licence_valid_until = serializers.DateField()
    odometer = serializers.IntegerField(min_value=0, max_value=MAX_ODOMETER)
    waiver_signed = serializers.BooleanField()
    fuel = serializers.IntegerField(min_value=0, max_value=FULL_TANK, allow_null=True, default=None)


class TakeBackInput(serializers.Serializer):
    """The odometer in km, fuel or charge in per cent, and what is noticed: damage by itself."""

    odometer = serializers.IntegerField(min_value=0, max_value=MAX_ODOMETER)
    note = serializers.CharField(max_length=1000, allow_blank=True, default="")
    fuel = serializers.IntegerField(min_value=0, max_value=FULL_TANK, allow_null=True, default=None)
    damage = serializers.CharField(max_length=1000, allow_blank=True, default="")
