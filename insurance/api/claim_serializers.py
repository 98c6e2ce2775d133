"""Declare what claims take and show over HTTP."""

from decimal import Decimal
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from core.clock import dealer_day
from insurance.api.serializers import MoneyField
from insurance.models import (
    Claim,
    ClaimDocument,
    ClaimKind,
    DocumentKind,
    MoneyRequest,
    PolicyTerms,
)


class ClaimInput(serializers.Serializer):
    """A loss to report."""

    policy_id = serializers.UUIDField()
    occurred_at = serializers.DateTimeField()
    description = serializers.CharField(max_length=5000)
    amount = MoneyField(min_value=Decimal("0.01"))
    kind = serializers.ChoiceField(choices=ClaimKind.choices, required=False)
    place = serializers.CharField(max_length=300, required=False, allow_blank=True)
    driver_name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    driver_birth_date = serializers.DateField(required=False, allow_null=True)


class ClaimDocumentSerializer(serializers.ModelSerializer):
    class Meta:
        model = ClaimDocument
        fields = ["id", "kind", "name", "content_type", "size", "sha256", "uploaded_by", "created_at"]


class ClaimDocumentInput(serializers.Serializer):
    """One file."""

    file = serializers.FileField(max_length=255, allow_empty_file=True)
    kind = serializers.ChoiceField(choices=DocumentKind.choices, required=False, default=DocumentKind.PHOTO)


class ClaimPayoutSerializer(serializers.ModelSerializer):
    """Money asked of payments; `payee` is empty for the insured."""

    class Meta:
        model = MoneyRequest
        fields = ["id", "payee", "amount", "state", "code", "detail", "created_at", "settled_at"]


class PolicyTermsSerializer(serializers.ModelSerializer):
    """Terms a policy paid by from a moment on; `ends_at` is null for what stands now."""

    class Meta:
        model = PolicyTerms
        fields = [
            "number", "starts_at", "ends_at", "recorded_at", "coverage_amount", "insured_value", "deductible",
            "beneficiary", "drivers", "settlement",
        ]  # fmt: skip


class ClaimSerializer(serializers.ModelSerializer):
    """A claim; amounts found and granted are null until then. `terms` are those of the moment of the loss."""

    terms = PolicyTermsSerializer(allow_null=True)
    documents = ClaimDocumentSerializer(many=True)
    payouts = ClaimPayoutSerializer(many=True)
    missing_documents = serializers.SerializerMethodField()
    age_days = serializers.SerializerMethodField()
    is_late = serializers.SerializerMethodField()
    concerns = serializers.SerializerMethodField()
    corrections = serializers.SerializerMethodField()

    class Meta:
        model = Claim
        fields = [
            "id", "policy_id", "customer_id", "terms", "kind", "occurred_at", "description", "place", "driver_name",
            "driver_birth_date", "has_recourse", "amount", "status", "missing_documents", "documents",
            "assessed_amount", "market_value", "salvage_amount", "wear_percent", "payable_amount", "reserve_amount",
            "formula", "is_total_loss", "needs_proof", "kind_confirmed_at",
            "concerns", "corrections", "proposed_amount", "proposed_by", "approved_amount", "reason", "decided_at",
            "papers_complete_at", "due_date", "is_late", "age_days", "penalty_amount", "set_off_amount", "paid_amount",
            "paid_at", "payouts", "reopened_times", "currency", "version", "created_at", "updated_at",
        ]  # fmt: skip

    @property
    def _is_for_staff(self) -> bool:
        view = self.context.get("view")
        return view is not None and view.principal.is_staff

    def get_concerns(self, claim: Claim) -> list[str]:
        """List what an adjuster should look at; the insured are told nothing of it."""
        return claim.concerns if self._is_for_staff else []

    def get_corrections(self, claim: Claim) -> list[dict[str, Any]]:
        """List what an adjuster put right of the report: `{field, was, is, reason, by, at}`, for managers."""
        return claim.corrections if self._is_for_staff else []

    def get_missing_documents(self, claim: Claim) -> list[list[str]]:
        """Groups of papers: one of each is needed."""
        return claim.list_missing_papers({paper.kind for paper in claim.documents.all()})

    def get_age_days(self, claim: Claim) -> int:
        """Days since it was reported."""
        return (dealer_day(timezone.now()) - dealer_day(claim.created_at)).days

    def get_is_late(self, claim: Claim) -> bool:
        """Tell whether it should have been settled by now."""
        return claim.is_late_on(dealer_day(timezone.now()))


class ClaimAssessmentInput(serializers.Serializer):
    """Findings of the adjuster; `kind` confirms what happened, `occurred_at` with a `reason` moves the loss."""

    amount = MoneyField(min_value=Decimal("0.01"))
    market_value = MoneyField(min_value=Decimal("0.01"), required=False, allow_null=True)
    salvage_amount = MoneyField(required=False)
    wear_percent = serializers.DecimalField(
        max_digits=5, decimal_places=2, min_value=Decimal(0), max_value=Decimal(100), required=False
    )
    is_total_loss = serializers.BooleanField(required=False, allow_null=True, default=None)
    kind = serializers.ChoiceField(choices=ClaimKind.choices, required=False)
    occurred_at = serializers.DateTimeField(required=False)
    reason = serializers.CharField(max_length=1000, required=False, allow_blank=True)


class ClaimApprovalInput(serializers.Serializer):
    amount = MoneyField(min_value=Decimal("0.01"), required=False)


class ClaimReasonInput(serializers.Serializer):
    reason = serializers.CharField(max_length=1000)


class ClaimPapersInput(serializers.Serializer):
    """Kinds of papers to ask for; none named is everything missing."""

    documents = serializers.ListField(child=serializers.ChoiceField(choices=DocumentKind.choices), required=False)
