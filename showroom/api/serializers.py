"""What the API takes and shows of happenings and registrations."""

from rest_framework import serializers

from showroom.models import EventCategory, Happening, HappeningKind, HappeningStatus, Registration

MAX_CAPACITY = 100_000


class EventCategorySerializer(serializers.ModelSerializer):
    """A category of happenings."""

    class Meta:
        model = EventCategory
        fields = ["id", "name", "description", "created_at", "version"]
        read_only_fields = fields


class EventCategoryInput(serializers.Serializer):
    """What a manager writes on a category."""

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
            "id", "title", "description", "kind", "category_id", "location", "start_date", "end_date", "capacity",
            "seats_taken", "seats_left", "waitlist_length", "status", "cancel_reason",
            "created_at", "updated_at", "version",
        ]  # fmt: skip
        read_only_fields = fields


class HappeningInput(serializers.Serializer):
    """What a manager writes on a happening."""

    title = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    kind = serializers.ChoiceField(HappeningKind.choices, default=HappeningKind.EVENT)
    category_id = serializers.UUIDField(allow_null=True, default=None)
    location = serializers.CharField(max_length=255, allow_blank=True, default="")
    start_date = serializers.DateTimeField(source="starts_at")
    end_date = serializers.DateTimeField(source="ends_at")
    capacity = serializers.IntegerField(min_value=1, max_value=MAX_CAPACITY)


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
        fields = ["id", "event_id", "user_id", "status", "position", "created_at", "updated_at"]
        read_only_fields = fields
