"""Declare what the API takes and shows of client cards."""

from typing import Any
from uuid import UUID

from rest_framework import serializers

from clients.models import (
    NOTED_KINDS,
    Activity,
    ActivityKind,
    Channel,
    Client,
    ClientType,
    Consent,
    ConsentKind,
    ConsentSource,
    Contact,
    ContactKind,
    Duplicate,
    Language,
    Merge,
    Vehicle,
)
from clients.queries import read_consents


class ClientSerializer(serializers.ModelSerializer):
    """A client card."""

    email = serializers.CharField(read_only=True, help_text="Empty when there is none.")

    class Meta:
        model = Client
        fields = [
            "id", "type", "name", "industry", "description", "user_id", "email", "phone",
            "inn", "kpp", "ogrn", "address", "preferred_channel", "preferred_language", "created_at", "updated_at",
            "version",
        ]  # fmt: skip
        read_only_fields = fields


class OwnCardSerializer(serializers.ModelSerializer):
    """One's own card as its client may see it: without what managers note on it."""

    email = serializers.CharField(read_only=True, help_text="Empty when there is none.")

    class Meta:
        model = Client
        fields = ["id", "type", "name", "email", "phone", "preferred_channel", "preferred_language", "created_at"]
        read_only_fields = fields


class ClientDetailSerializer(ClientSerializer):
    """A client card with the consents that count now, and the ids of the cards merged into it."""

    consents = serializers.SerializerMethodField()
    merged_ids = serializers.SerializerMethodField()

    class Meta(ClientSerializer.Meta):
        fields = [*ClientSerializer.Meta.fields, "consents", "merged_ids"]
        read_only_fields = fields

    def get_consents(self, client: Client) -> dict[str, bool]:
        """The latest word on each kind of consent."""
        return read_consents(client)

    def get_merged_ids(self, client: Client) -> list[UUID]:
        """Cards that this one stands for."""
        return list(client.merged.order_by("id").values_list("id", flat=True))


class ClientInput(serializers.Serializer):
    """Fields that a manager writes on a card."""

    name = serializers.CharField(max_length=255)
    type = serializers.ChoiceField(ClientType.choices)
    industry = serializers.CharField(max_length=100, allow_blank=True, default="")
    description = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    email = serializers.EmailField(max_length=254, allow_blank=True, default="")
    phone = serializers.CharField(max_length=32, allow_blank=True, default="")
    inn = serializers.CharField(max_length=12, allow_blank=True, default="")
    kpp = serializers.CharField(max_length=9, allow_blank=True, default="")
    ogrn = serializers.CharField(max_length=15, allow_blank=True, default="")
    address = serializers.CharField(max_length=500, allow_blank=True, default="")
    preferred_channel = serializers.ChoiceField(Channel.choices, allow_blank=True, default="")
    preferred_language = serializers.ChoiceField(Language.choices, allow_blank=True, default="")


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
        """Check an e-mail address for what it claims to be; the service reads phone numbers."""
        if attrs["kind"] == ContactKind.EMAIL:
            attrs["value"] = serializers.EmailField().run_validation(attrs["value"])
        return attrs


class ContactsInput(serializers.Serializer):
    """Several contacts, added at one moment: all or none."""

    contacts = serializers.ListField(child=ContactInput(), min_length=1, max_length=20)


class ContactsSerializer(serializers.Serializer):
    """Contacts that were added, in the order in which they were sent."""

    contacts = ContactSerializer(many=True, read_only=True)


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


class ConsentSerializer(serializers.ModelSerializer):
    """One row of the history of consents."""

    class Meta:
        model = Consent
        fields = ["id", "client_id", "kind", "is_given", "source", "note", "at", "recorded_by", "recorded_at"]
        read_only_fields = fields


class ConsentInput(serializers.Serializer):
    """A consent given or withdrawn."""

    kind = serializers.ChoiceField(ConsentKind.choices)
    is_given = serializers.BooleanField()
    source = serializers.ChoiceField(ConsentSource.choices)  # type: ignore[assignment]
    note = serializers.CharField(max_length=255, allow_blank=True, default="")
    at = serializers.DateTimeField(required=False, help_text="Now, when left out.")


class VehicleSerializer(serializers.ModelSerializer):
    """A car in a client's garage."""

    class Meta:
        model = Vehicle
        fields = ["id", "vin", "name", "plate", "source", "source_id", "since", "left_at"]
        read_only_fields = fields


class VehicleInput(serializers.Serializer):
    """A car entered by hand."""

    vin = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=255, allow_blank=True, default="")
    plate = serializers.CharField(max_length=15, allow_blank=True, default="")


class DuplicateSerializer(serializers.ModelSerializer):
    """Two cards that seem to be one client; `reasons` are phone, email, inn."""

    first = ClientSerializer(read_only=True)
    second = ClientSerializer(read_only=True)
    reasons = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Duplicate
        fields = ["id", "first", "second", "reasons", "found_at", "dismissed_at"]
        read_only_fields = fields


class MergeInput(serializers.Serializer):
    """The card to merge into this one."""

    other_id = serializers.UUIDField()


class MergeSerializer(serializers.ModelSerializer):
    """A merge; `filled` are the fields that the kept card took over."""

    filled = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Merge
        fields = ["id", "kept_id", "other_id", "filled", "merged_by", "merged_at", "undone_by", "undone_at"]
        read_only_fields = fields
