"""What the API takes and shows of resources and allocations."""

from rest_framework import serializers

from resources.models import Allocation, Resource, ResourceType

MAX_QUANTITY = 100_000


class ResourceTypeSerializer(serializers.ModelSerializer):
    """A type of resources."""

    class Meta:
        model = ResourceType
        fields = ["id", "name", "description", "created_at", "version"]
        read_only_fields = fields


class ResourceTypeInput(serializers.Serializer):
    """What a manager writes on a type."""

    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=10_000, allow_blank=True, default="")


class ResourceSerializer(serializers.ModelSerializer):
    """A resource."""

    class Meta:
        model = Resource
        fields = ["id", "name", "type_id", "description", "quantity", "created_at", "updated_at", "version"]
        read_only_fields = fields


class ResourceInput(serializers.Serializer):
    """What a manager writes on a resource."""

    name = serializers.CharField(max_length=200)
    type_id = serializers.UUIDField()
    description = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_QUANTITY, default=1)


class AllocationSerializer(serializers.ModelSerializer):
    """A quantity taken over [start_time, end_time)."""

    start_time = serializers.DateTimeField(source="starts_at", read_only=True)
    end_time = serializers.DateTimeField(source="ends_at", read_only=True)

    class Meta:
        model = Allocation
        fields = [
            "id", "resource_id", "event_id", "start_time", "end_time", "quantity", "allocated_by",
            "created_at", "released_at",
        ]  # fmt: skip
        read_only_fields = fields


class AllocationInput(serializers.Serializer):
    """A booking."""

    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_QUANTITY, default=1)
    event_id = serializers.UUIDField(allow_null=True, default=None)


class SpanSerializer(serializers.Serializer):
    """A stretch over which the same quantity is free."""

    start_time = serializers.DateTimeField(source="start")
    end_time = serializers.DateTimeField(source="end")
    allocated = serializers.IntegerField()
    available = serializers.IntegerField()


class AvailabilitySerializer(serializers.Serializer):
    """What is free of a resource: `available` throughout, and stretch by stretch."""

    resource_id = serializers.UUIDField()
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    quantity = serializers.IntegerField()
    available = serializers.IntegerField()
    spans = SpanSerializer(many=True)
