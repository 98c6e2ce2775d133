"""Declare what insurance takes and shows over HTTP."""

from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.clock import dealer_day
from core.money import MAX_AMOUNT
from core.vin import VIN_LENGTH
from insurance.models import (
    Endorsement,
    Instalment,
    Policy,
    Quote,
)
from insurance.models.fields import InsuranceTypes
from insurance.queries.refunds import refund_estimate
from insurance.rules.pricing import MAX_VARIANTS
from insurance.rules.rating import Owner
from payments.commands import METHODS


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
            raise serializers.ValidationError(_("A class, M or 0 to 13, or its coefficient."))
        return str(data)

    def to_representation(self, value: Any) -> Any:
        return value


class DriverInput(serializers.Serializer):
    birth_date = serializers.DateField()
    licence_since = serializers.DateField()
    kbm = KbmField(required=False, allow_null=True)


class SettlementInput(serializers.Serializer):
    """Terms of settling losses; all of it is off unless agreed."""

    is_conditional_deductible = serializers.BooleanField(required=False)
    is_first_loss = serializers.BooleanField(required=False)
    is_market_basis = serializers.BooleanField(required=False)
    is_aggregate = serializers.BooleanField(required=False)


class _RiskFields(serializers.Serializer):
    """Fields that may differ between variants of one quote."""

    coverage_amount = MoneyField(required=False, allow_null=True)
    vehicle_value = MoneyField(required=False, allow_null=True)
    drivers = serializers.ListField(child=DriverInput(), required=False, allow_null=True, max_length=20)
    region = serializers.CharField(required=False, max_length=100)
    city = serializers.CharField(required=False, max_length=100)
    engine_power = serializers.DecimalField(required=False, allow_null=True, max_digits=7, decimal_places=2)
    deductible = MoneyField(required=False)
    term_months = serializers.IntegerField(required=False)
    insurer = serializers.CharField(required=False, max_length=30)
    owner = serializers.ChoiceField(required=False, choices=[Owner.INDIVIDUAL.value, Owner.LEGAL_ENTITY.value])
    category = serializers.ChoiceField(required=False, choices=["A", "B"])
    owner_kbm = KbmField(required=False, allow_null=True)
    transit_days = serializers.IntegerField(required=False, min_value=0)
    transit_months = serializers.IntegerField(required=False, min_value=0)
    programme = serializers.CharField(required=False, max_length=30)
    instalments = serializers.IntegerField(required=False, min_value=1, max_value=12)
    vehicle_plate = serializers.CharField(required=False, max_length=15, allow_blank=True)
    additions = serializers.ListField(child=serializers.CharField(max_length=30), required=False, max_length=10)
    is_pledged_outside = serializers.BooleanField(required=False)
    beneficiary = serializers.CharField(required=False, max_length=100, allow_blank=True)
    settlement = SettlementInput(required=False)


class QuoteVariantInput(_RiskFields):
    """Changes of the request, rated beside it."""


class InsuranceQuoteInput(_RiskFields):
    """Risk to insure; without `drivers` anyone may drive, without `region` it is the dealership's."""

    order_id = serializers.UUIDField(required=False, allow_null=True)
    insurance_type = serializers.ChoiceField(choices=InsuranceTypes.choices)
    vehicle_make = serializers.CharField(max_length=100)
    vehicle_model = serializers.CharField(max_length=100)
    vehicle_year = serializers.IntegerField()
    vehicle_vin = serializers.CharField(max_length=VIN_LENGTH)
    start_date = serializers.DateField(required=False, allow_null=True)
    variants = serializers.ListField(child=QuoteVariantInput(), required=False, max_length=MAX_VARIANTS)
    compare = serializers.BooleanField(required=False, default=False)


class PremiumFactorSerializer(serializers.Serializer):
    """One factor of a premium; together they multiply to it."""

    code = serializers.CharField()
    value = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # hides an attribute nobody reads here


class PremiumPartSerializer(serializers.Serializer):
    """One payment of a premium, and the day by which it is due if cover begins on the rating day."""

    number = serializers.IntegerField()
    amount = serializers.CharField()
    due_date = serializers.DateField()


class QuoteVariantSerializer(serializers.Serializer):
    """Another way to insure the same car; `variant` is what a purchase names."""

    variant = serializers.IntegerField()
    insurer = serializers.CharField()
    insurer_name = serializers.CharField()
    premium = serializers.CharField()
    unrounded = serializers.CharField()
    coverage_amount = serializers.CharField()
    insured_value = serializers.CharField()
    deductible = serializers.CharField()
    tariff = serializers.CharField()
    request = serializers.JSONField()
    breakdown = PremiumFactorSerializer(many=True)


class InsuranceQuoteSerializer(serializers.ModelSerializer):
    """A quote with everything its premium came from."""

    status = serializers.SerializerMethodField()
    breakdown = PremiumFactorSerializer(many=True)
    variants = QuoteVariantSerializer(many=True)
    policy_id = serializers.SerializerMethodField()
    due_now = serializers.SerializerMethodField()
    schedule = serializers.SerializerMethodField()
    is_provisional = serializers.SerializerMethodField()

    class Meta:
        model = Quote
        fields = [
            "id", "customer_id", "order_id", "insurance_type", "status", "premium", "due_now", "schedule",
            "unrounded", "breakdown", "tariff", "tariff_revision", "insurer", "insurer_name", "variants",
            "coverage_amount", "insured_value", "deductible", "request", "rated_on", "valid_until", "policy_id",
            "is_provisional", "unconfirmed", "currency", "created_at",
        ]  # fmt: skip

    def get_is_provisional(self, quote: Quote) -> bool:
        """Tell whether the premium rests on what nobody has confirmed."""
        return bool(quote.unconfirmed)

    def get_status(self, quote: Quote) -> str:
        """`quoted`, `purchased` or `expired`."""
        return quote.status_on(dealer_day(timezone.now()))

    def get_due_now(self, quote: Quote) -> str:
        """Return what puts the policy in force: the premium, or its first instalment."""
        return f"{quote.offer(0).due_now:.2f}"

    @extend_schema_field(PremiumPartSerializer(many=True))
    def get_schedule(self, quote: Quote) -> Any:
        """The payments of the premium."""
        return PremiumPartSerializer(quote.offer(0).payments(quote.rated_on), many=True).data

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_policy_id(self, quote: Quote) -> Any:
        """The policy that came of it."""
        return quote.policy.id if hasattr(quote, "policy") else None


class PolicyPaymentInput(serializers.Serializer):
    method = serializers.ChoiceField(choices=METHODS)
    token = serializers.CharField(required=False, max_length=255)
    payment_method_id = serializers.UUIDField(required=False)


class QuotePurchaseInput(serializers.Serializer):
    """Means of payment, and the offer to take: 0 is the quote itself, variants count from 1."""

    payment = PolicyPaymentInput()
    variant = serializers.IntegerField(required=False, default=0, min_value=0)


class InstalmentSerializer(serializers.ModelSerializer):
    """A payment of a premium in parts; `code` and `detail` say why the last try took nothing."""

    grace_until = serializers.DateField()

    class Meta:
        model = Instalment
        fields = ["number", "amount", "due_date", "grace_until", "state", "code", "detail", "paid_at"]


class PolicySerializer(serializers.ModelSerializer):
    """A policy; one whose premium was paid at once has no `instalments`."""

    instalments = InstalmentSerializer(many=True, read_only=True)
    is_provisional = serializers.SerializerMethodField()
    refund_estimate = serializers.SerializerMethodField()

    class Meta:
        model = Policy
        fields = [
            "id", "number", "quote_id", "variant", "order_id", "customer_id", "insurance_type", "status", "insurer",
            "insurer_ref", "beneficiary", "renewal_of_id", "vehicle_vin", "premium",
            "coverage_amount", "insured_value", "deductible", "start_date", "end_date", "activated_at", "cancelled_at",
            "cancel_date", "cancel_reason", "refund_amount", "refund_estimate", "decline_code", "decline_detail",
            "instalments", "autopay_method", "autopay_method_id", "is_provisional", "unconfirmed", "confirmed_at",
            "currency", "version", "created_at", "updated_at",
        ]  # fmt: skip

    def get_is_provisional(self, policy: Policy) -> bool:
        """Tell whether the premium rests on what nobody has confirmed."""
        return bool(policy.unconfirmed)

    @extend_schema_field(serializers.DecimalField(max_digits=14, decimal_places=2, allow_null=True))
    def get_refund_estimate(self, policy: Policy) -> str | None:
        """Return what comes back after `cancel_date`, as things stand; `refund_amount` is what came back in the end."""
        estimate = refund_estimate(policy)
        return None if estimate is None else str(estimate)


class InstalmentPaymentInput(serializers.Serializer):
    """Means of paying the instalment that is due next."""

    payment = PolicyPaymentInput()


class PolicyAutopayInput(serializers.Serializer):
    """A stored payment method that instalments are charged to by themselves; null charges nothing by itself."""

    payment = PolicyPaymentInput(allow_null=True)


class PolicyCancelInput(serializers.Serializer):
    """`last_date` is the last day of cover, today unless given; `event_date` is for managers."""

    reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")
    last_date = serializers.DateField(required=False)
    event_date = serializers.DateField(required=False)


class PolicyReinstateInput(serializers.Serializer):
    """Means of paying the refund back, if there was one."""

    payment = PolicyPaymentInput(required=False)


class _ChangeFields(_RiskFields):
    """Fields of a policy that may change."""

    vehicle_year = serializers.IntegerField(required=False)


class FoundFactsInput(serializers.Serializer):
    """Facts of the evidence that differ from what the client said."""

    engine_power = serializers.DecimalField(required=False, max_digits=7, decimal_places=2)
    vehicle_year = serializers.IntegerField(required=False)
    drivers = serializers.ListField(child=DriverInput(), required=False, max_length=20)
    owner_kbm = KbmField(required=False, allow_null=True)


class PolicyConfirmationInput(serializers.Serializer):
    """Evidence that was seen: a registration certificate, an extract of КБМ."""

    evidence = serializers.CharField(max_length=1000)
    found = FoundFactsInput(required=False)
    payment = PolicyPaymentInput(required=False)


class PolicyEndorsementInput(serializers.Serializer):
    """Changes from today on, and the means of paying the difference if there is one.

    With `expected_difference` it is changed at the price that was shown, or not at all.
    """

    changes = _ChangeFields()
    payment = PolicyPaymentInput(required=False)
    expected_difference = serializers.DecimalField(max_digits=14, decimal_places=2, required=False)


class EndorsementPriceInput(serializers.Serializer):
    changes = _ChangeFields()


class EndorsementPriceSerializer(serializers.ModelSerializer):
    """Cost of a change, roubles: `to_pay` at once, `taken_off` instalments to come, `to_return` at once."""

    to_pay = serializers.SerializerMethodField()
    to_return = serializers.SerializerMethodField()

    class Meta:
        model = Endorsement
        fields = [
            "policy_id", "effective_date", "changes", "annual_premium", "premium_difference", "to_pay", "taken_off",
            "to_return",
        ]  # fmt: skip

    def get_to_pay(self, change: Endorsement) -> str:
        """Return what is paid before it counts."""
        return f"{change.to_pay:.2f}"

    def get_to_return(self, change: Endorsement) -> str:
        """Return what comes back."""
        return f"{change.to_return:.2f}"


class EndorsementSerializer(serializers.ModelSerializer):
    """A change of a policy; `applied_at` is null while it waits for its payment."""

    class Meta:
        model = Endorsement
        fields = [
            "id", "policy_id", "number", "effective_date", "changes", "annual_premium", "premium_difference",
            "taken_off", "tariff_revision", "applied_at", "created_at",
        ]  # fmt: skip
