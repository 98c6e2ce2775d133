"""What the API takes and shows of notifications and preferences."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from notifications.models import Kind, Notification


class NotificationSerializer(serializers.ModelSerializer):
    """A piece of news, in the reader's language."""

    class Meta:
        model = Notification
        fields = ["id", "kind", "channel", "title", "body", "data", "read_at", "created_at"]
        read_only_fields = fields


class PreferenceSerializer(serializers.Serializer):
    """Over which channels one kind of news comes. SMS is not connected: it can only be off."""

    kind = serializers.ChoiceField(Kind.choices)
    in_app = serializers.BooleanField(default=True)
    email = serializers.BooleanField(default=True)
    sms = serializers.BooleanField(default=False)

    def validate_sms(self, value: bool) -> bool:
        """Refuse a channel over which nothing would come."""
        if value:
            raise serializers.ValidationError("SMS is not connected here.", code="channel_unavailable")
        return value


class PreferencesSerializer(serializers.Serializer):
    """How one wants to be told; kinds left out stay as they are."""

    language = serializers.ChoiceField(settings.LANGUAGES, required=False)
    preferences = serializers.ListField(child=PreferenceSerializer(), required=False, max_length=len(Kind))

    def validate_preferences(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuse two wishes for one kind."""
        if len({wish["kind"] for wish in value}) != len(value):
            raise serializers.ValidationError("A kind is named twice.", code="duplicate")
        return value
