"""Declare what financing takes and shows of papers and overrides over HTTP."""

from decimal import Decimal

from rest_framework import serializers

from financing.api.serializers import MoneyField, RateField
from financing.models import ApplicationDocument, Override, PaperKind


class ApplicationDocumentInput(serializers.Serializer):
    """A photograph (JPEG, PNG, WebP) or a PDF."""

    file = serializers.FileField(max_length=255, allow_empty_file=True)
    kind = serializers.ChoiceField(choices=PaperKind.choices)


class ApplicationDocumentSerializer(serializers.ModelSerializer):
    """A paper of an application; `note` says what is wrong with one that was not accepted."""

    class Meta:
        model = ApplicationDocument
        fields = [
            "id", "kind", "name", "content_type", "size", "status", "note", "created_at", "reviewed_at",
        ]  # fmt: skip


class DocumentReviewInput(serializers.Serializer):
    """A manager's word on a paper; a refusal says why."""

    accepted = serializers.BooleanField()
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class OverrideInput(serializers.Serializer):
    """Terms to lend on against the rules; what is left out is as the client asked."""

    reason = serializers.CharField(max_length=1000)
    amount = MoneyField(required=False, allow_null=True, default=None, min_value=Decimal("0.01"))
    rate = RateField(required=False, allow_null=True, default=None, min_value=Decimal(0), max_value=Decimal(1000))
    term_months = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1, max_value=360)


class OverrideAnswerInput(serializers.Serializer):
    note = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class OverrideSerializer(serializers.ModelSerializer):
    """An override: roubles, % a year; `reasons` are those of the refusal it goes against."""

    needs_second_person = serializers.BooleanField(source="is_for_two", read_only=True)
    application_status = serializers.CharField(source="application.status", read_only=True)

    class Meta:
        model = Override
        fields = [
            "id", "application_id", "application_status", "status", "amount", "annual_rate", "term_months", "reasons",
            "reason", "needs_second_person", "proposed_by", "proposed_at", "answered_by", "answered_at", "note",
        ]  # fmt: skip
