"""What insurance takes and shows over HTTP."""

from decimal import Decimal
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.money import MAX_AMOUNT
from insurance.clock import local_date
from insurance.models import Claim, Policy, Quote
from insurance.models.fields import InsuranceTypes


class MoneyField(serializers.DecimalField):
    """Roubles to the kopeck."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_digits=14, decimal_places=2, **{"min_value": Decimal(0), "max_value": MAX_AMOUNT} | options
        )


@extend_schema_field(OpenApiTypes.STR)
class KbmField(serializers.Field):
    """A class (`M`, `0`…`13`), or with a point its coefficient."""

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, bool) or not isinstance(data, str | int | float) or len(str(data)) > 20:
            raise serializers.ValidationError("A class, M or 0 to 13, or its coefficient.")
        return str(data)

    def to_representation(self, value: Any) -> Any:
        return value


class DriverInput(serializers.Serializer):
    birth_date = serializers.DateField()
    licence_since = serializers.DateField()
    kbm = KbmField(required=False, allow_null=True)


class InsuranceQuoteInput(serializers.Serializer):
    """What to insure; without `drivers` anyone may drive, without `region` it is the dealership's."""

    order_id = serializers.UUIDField(required=False, allow_null=True)
    insurance_type = serializers.ChoiceField(choices=InsuranceTypes.choices)
    coverage_amount = MoneyField(required=False, allow_null=True)
    vehicle_make = serializers.CharField(max_length=100)
    vehicle_model = serializers.CharField(max_length=100)
    vehicle_year = serializers.IntegerField()
    vehicle_vin = serializers.CharField(max_length=17)
    vehicle_value = MoneyField(required=False, allow_null=True)
    drivers = serializers.ListField(child=DriverInput(), required=False, allow_null=True, max_length=20)
    region = serializers.CharField(required=False, max_length=100)
    city = serializers.CharField(required=False, max_length=100)
    engine_power = serializers.DecimalField(required=False, allow_null=True, max_digits=7, decimal_places=2)
    deductible = MoneyField(required=False)
    term_months = serializers.IntegerField(required=False)


class PremiumFactorSerializer(serializers.Serializer):
    """One factor of a premium; together they multiply to it."""

    code = serializers.CharField()
    value = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # hides an attribute nobody reads here


class InsuranceQuoteSerializer(serializers.ModelSerializer):
    """A quote with everything its premium came from."""

    status = serializers.SerializerMethodField()
    breakdown = PremiumFactorSerializer(many=True)
    policy_id = serializers.SerializerMethodField()

    class Meta:
        model = Quote
        fields = [
            "id", "customer_id", "order_id", "insurance_type", "status", "premium", "unrounded", "breakdown", "tariff",
            "coverage_amount", "insured_value", "deductible", "request", "rated_on", "valid_until", "policy_id",
            "currency", "created_at",
        ]  # fmt: skip

    def get_status(self, quote: Quote) -> str:
        """`quoted`, `purchased` or `expired`."""
        return quote.status_on(local_date(timezone.now()))

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_policy_id(self, quote: Quote) -> Any:
        """The policy that came of it."""
        return quote.policy.id if hasattr(quote, "policy") else None


class PolicySerializer(serializers.ModelSerializer):
    class Meta:
        model = Policy
        fields = [
            "id", "number", "quote_id", "order_id", "customer_id", "insurance_type", "status", "vehicle_vin", "premium",
            "coverage_amount", "insured_value", "deductible", "start_date", "end_date", "activated_at", "cancelled_at",
            "cancel_reason", "refund_amount", "currency", "version", "created_at", "updated_at",
        ]  # fmt: skip


class PolicyCancelInput(serializers.Serializer):
    reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class ClaimInput(serializers.Serializer):
    """A loss to report."""

    policy_id = serializers.UUIDField()
    occurred_at = serializers.DateTimeField()
    description = serializers.CharField(max_length=5000)
    amount = MoneyField(min_value=Decimal("0.01"))


class ClaimSerializer(serializers.ModelSerializer):
    """A claim; amounts found and granted are null until then."""

    class Meta:
        model = Claim
        fields = [
            "id", "policy_id", "customer_id", "occurred_at", "description", "amount", "status", "assessed_amount",
            "payable_amount", "is_total_loss", "approved_amount", "reason", "decided_at", "currency", "version",
            "created_at", "updated_at",
        ]  # fmt: skip


class ClaimAssessmentInput(serializers.Serializer):
    amount = MoneyField(min_value=Decimal("0.01"))


class ClaimApprovalInput(serializers.Serializer):
    amount = MoneyField(min_value=Decimal("0.01"), required=False)


class ClaimRejectionInput(serializers.Serializer):
    reason = serializers.CharField(max_length=1000)
