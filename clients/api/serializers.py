"""What the API takes and shows of client cards."""

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from clients.models import NOTED_KINDS, Activity, ActivityKind, Client, ClientType, Contact, ContactKind

_phone = RegexValidator(r"^\+?[0-9][0-9 ()\-.]{3,30}$", "Enter a phone number, such as +7 495 123-45-67.")


class ClientSerializer(serializers.ModelSerializer):
    """A client card."""

    class Meta:
        model = Client
        fields = [
            "id", "type", "name", "industry", "description", "user_id", "email", "phone",
            "created_at", "updated_at", "version",
        ]  # fmt: skip
        read_only_fields = fields


class ClientInput(serializers.Serializer):
    """What a manager writes on a card."""

    name = serializers.CharField(max_length=255)
    type = serializers.ChoiceField(ClientType.choices)
    industry = serializers.CharField(max_length=100, allow_blank=True, default="")
    description = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    email = serializers.EmailField(max_length=254, allow_blank=True, default="")
    phone = serializers.CharField(max_length=32, allow_blank=True, default="", validators=[_phone])


class ContactSerializer(serializers.ModelSerializer):
    """A way to reach a client."""

    class Meta:
        model = Contact
        fields = ["id", "client_id", "kind", "value", "name", "position", "created_at"]
        read_only_fields = fields


class ContactInput(serializers.Serializer):
    """A new contact."""

    kind = serializers.ChoiceField(ContactKind.choices)
    value = serializers.CharField(max_length=255)
    name = serializers.CharField(max_length=255, allow_blank=True, default="")
    position = serializers.CharField(max_length=100, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check an e-mail address or a phone number for what it claims to be."""
        if attrs["kind"] == ContactKind.EMAIL:
            attrs["value"] = serializers.EmailField().run_validation(attrs["value"])
        elif attrs["kind"] in (ContactKind.PHONE, ContactKind.WHATSAPP):
            serializers.CharField(validators=[_phone]).run_validation(attrs["value"])
        return attrs


class ActivitySerializer(serializers.ModelSerializer):
    """One thing that happened; `title` names its kind in the caller's language."""

    title = serializers.CharField(source="get_kind_display", read_only=True)

    class Meta:
        model = Activity
        fields = ["id", "kind", "title", "description", "subject_id", "data", "author_id", "occurred_at"]
        read_only_fields = fields


class ActivityInput(serializers.Serializer):
    """A manager's entry."""

    kind = serializers.ChoiceField(
        [(kind.value, kind.label) for kind in ActivityKind if kind in NOTED_KINDS], default=ActivityKind.NOTE
    )
    description = serializers.CharField(max_length=10_000)
    occurred_at = serializers.DateTimeField(required=False, help_text="Now, when left out.")
