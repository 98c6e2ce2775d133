"""Input of the ordinary endpoints, and the small outputs that are no whole orders."""

from rest_framework import serializers

from orders.models import OrderHistory, Status


class StatusInput(serializers.Serializer):
    status = serializers.ChoiceField(choices=Status.choices)
    reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class CancelInput(serializers.Serializer):
    reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class SteeringInput(serializers.Serializer):
    reason = serializers.CharField(max_length=1000)


class LegSerializer(serializers.Serializer):
    leg = serializers.CharField()
    state = serializers.CharField()
    attempt_id = serializers.UUIDField()
    attempts = serializers.IntegerField()
    error = serializers.JSONField(allow_null=True)
    parked_reason = serializers.CharField()
    started_at = serializers.DateTimeField(allow_null=True)
    deadline_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    allowed = serializers.ListField(child=serializers.CharField())


class CheckoutSerializer(serializers.Serializer):
    order_id = serializers.UUIDField()
    number = serializers.CharField()
    status = serializers.CharField()
    state = serializers.CharField()
    step = serializers.CharField()
    failure = serializers.JSONField(allow_null=True)
    owner_id = serializers.UUIDField(allow_null=True)
    started_at = serializers.DateTimeField()
    undo_started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    legs = LegSerializer(many=True)


class OrderEdit(serializers.Serializer):
    comment = serializers.CharField(max_length=2000, allow_blank=True)


class TimelineSerializer(serializers.ModelSerializer):
    class Meta:
        model = OrderHistory
        fields = [
            "id",
            "kind",
            "event",
            "status",
            "previous",
            "reason",
            "actor_id",
            "actor_role",
            "before",
            "after",
            "data",
            "at",
        ]
