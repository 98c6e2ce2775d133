"""Input of the ordinary endpoints, and the small outputs that are no whole orders."""

from rest_framework import serializers

from orders.models import OrderHistory, Status


class StatusInput(serializers.Serializer):
    status = serializers.ChoiceField(choices=Status.choices)
    reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class CancelInput(serializers.Serializer):
    reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class OrderEdit(serializers.Serializer):
    comment = serializers.CharField(max_length=2000, allow_blank=True)


class TimelineSerializer(serializers.ModelSerializer):
    class Meta:
        model = OrderHistory
        fields = ["id", "kind", "event", "status", "previous", "reason", "actor_id", "actor_role", "data", "at"]
