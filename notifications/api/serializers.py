"""Declare what the API takes and shows of notifications, preferences and webhooks."""

from typing import Any
from zoneinfo import available_timezones

import msgspec
from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from notifications import services
from notifications.models import (
    Channel,
    EndpointState,
    Kind,
    Notification,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    offered_channels,
)


class NotificationSerializer(serializers.ModelSerializer):
    """A piece of news, in the reader's language."""

    class Meta:
        model = Notification
        fields = ["id", "kind", "channel", "title", "body", "data", "read_at", "created_at"]
        read_only_fields = fields


class PreferenceSerializer(serializers.Serializer):
    """Over which channels one kind of news comes. SMS can only be on where a gateway is connected."""

    kind = serializers.ChoiceField(Kind.choices)
    in_app = serializers.BooleanField(default=True)
    email = serializers.BooleanField(default=True)
    sms = serializers.BooleanField(default=False)

    def validate_kind(self, value: str) -> str:
        """Refuse news that the caller is never sent."""
        if "kinds" in self.context and value not in self.context["kinds"]:
            raise serializers.ValidationError(_("You are never sent this."), code="invalid_choice")
        return value

    def validate_sms(self, value: bool) -> bool:
        """Refuse a channel over which nothing would come."""
        if value and Channel.SMS not in offered_channels():
            raise serializers.ValidationError(_("SMS is not connected here."), code="channel_unavailable")
        return value


class QuietHoursSerializer(serializers.Serializer):
    """Hours when e-mails and SMS are kept: on the wall clock of `time_zone`, perhaps over midnight."""

    start = serializers.TimeField(format="%H:%M")
    until = serializers.TimeField(format="%H:%M")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a quiet that has no length."""
        if attrs["start"] == attrs["until"]:
            raise serializers.ValidationError(
                _("Quiet hours must end at another time than they begin."), code="invalid"
            )
        return attrs


class PreferencesSerializer(serializers.Serializer):
    """Preferences for being told; what is left out stays as it is. `digest`: one e-mail a day, but for urgent news."""

    language = serializers.ChoiceField(settings.LANGUAGES, required=False)
    time_zone = serializers.CharField(max_length=64, required=False)
    quiet_hours = QuietHoursSerializer(required=False, allow_null=True)
    digest = serializers.BooleanField(required=False)
    preferences = serializers.ListField(child=PreferenceSerializer(), required=False, max_length=len(Kind))

    def validate_time_zone(self, value: str) -> str:
        """Refuse what no clock follows."""
        if value not in available_timezones():
            raise serializers.ValidationError(_("There is no such time zone."), code="invalid_choice")
        return value

    def validate_preferences(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuse two wishes for one kind."""
        if len({wish["kind"] for wish in value}) != len(value):
            raise serializers.ValidationError(_("A kind is named twice."), code="duplicate")
        return value


def parse_manner(given: dict[str, Any]) -> services.Manner:
    """Return what is wanted whatever the news."""
    manner = services.Manner()
    if "language" in given:
        manner["language"] = given["language"]
    if "time_zone" in given:
        manner["time_zone"] = given["time_zone"]
    if "digest" in given:
        manner["is_digest_wanted"] = given["digest"]
    if "quiet_hours" in given:
        quiet = given["quiet_hours"] or {"start": None, "until": None}
        manner["quiet_from"], manner["quiet_until"] = quiet["start"], quiet["until"]
    return manner


class WebhookSerializer(serializers.ModelSerializer):
    """A receiver of events; its secrets are not shown."""

    class Meta:
        model = WebhookEndpoint
        fields = [
            "id", "url", "events", "description", "owner_id", "state", "disabled_reason", "failing_since",
            "previous_secret_expires_at", "created_at", "updated_at", "version",
        ]  # fmt: skip
        read_only_fields = fields


class WebhookWithSecretSerializer(WebhookSerializer):
    """A receiver whose secret is new: this is the only time it is shown."""

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]
        read_only_fields = fields


class WebhookInput(serializers.Serializer):
    """Fields that an admin writes on a webhook: `events` holds names of events, families such as `order.*`, or `*`."""

    url = serializers.CharField(max_length=2048)
    events = serializers.ListField(child=serializers.CharField(max_length=80), min_length=1, max_length=100)
    description = serializers.CharField(max_length=500, allow_blank=True, required=False)
    state = serializers.ChoiceField(EndpointState.choices, required=False)


class WebhookDeliverySerializer(serializers.ModelSerializer):
    """An event on its way to a receiver."""

    webhook_id = serializers.UUIDField(source="endpoint_id", read_only=True)

    class Meta:
        model = WebhookDelivery
        fields = [
            "id", "webhook_id", "event_id", "event_type", "subject", "state", "attempts", "next_attempt_at",
            "created_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class WebhookAttemptSerializer(serializers.ModelSerializer):
    """One try, and what came back."""

    class Meta:
        model = WebhookAttempt
        fields = ["number", "at", "status_code", "duration_ms", "error", "response_excerpt"]
        read_only_fields = fields


class WebhookDeliveryDetailSerializer(WebhookDeliverySerializer):
    """A delivery with its body as it was signed, and with every try, the latest first."""

    body = serializers.SerializerMethodField()
    attempt_log = WebhookAttemptSerializer(source="log", many=True, read_only=True)

    class Meta(WebhookDeliverySerializer.Meta):
        fields = [*WebhookDeliverySerializer.Meta.fields, "body", "attempt_log"]
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_body(self, delivery: WebhookDelivery) -> Any:
        """The signed JSON, read."""
        return msgspec.json.decode(bytes(delivery.body))
