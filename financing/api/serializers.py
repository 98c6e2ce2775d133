"""Declare what financing takes and shows over HTTP."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.money import MAX_AMOUNT
from financing.api.bank_rules import BankFeeSerializer, BankRulesSerializer, CalculatedRules, ProgrammeRulesInput
from financing.models import Application, BankOffer, FinancingType, PaperKind, Programme, ProgrammeRate
from financing.queries import papers_to_send
from financing.rules.calculations import Part, ScheduleKind
from financing.rules.calculations.terms import LOAN_DAY_COUNTS
from financing.rules.decisions import Employment
from financing.rules.wording import explain


class MoneyField(serializers.DecimalField):
    """Roubles to the kopeck."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_digits=14, decimal_places=2, **{"min_value": Decimal(0), "max_value": MAX_AMOUNT} | options
        )


class RateField(serializers.DecimalField):
    """Per cent a year."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=8, decimal_places=4, **options)


@extend_schema_field(
    {"oneOf": [{"type": "string", "enum": ["disbursement", "each"]}, {"type": "integer", "minimum": 1}]}
)
class WhenField(serializers.Field):
    """`disbursement`, `each`, or the number of a payment."""

    def to_internal_value(self, data: Any) -> str | int:
        if isinstance(data, bool) or not isinstance(data, str | int):
            raise serializers.ValidationError(_("Use disbursement, each, or the number of a payment."))
        return int(data) if isinstance(data, str) and data.isascii() and data.isdecimal() and len(data) < 5 else data

    def to_representation(self, value: Any) -> Any:
        return value


class LoanFeeInput(serializers.Serializer):
    name = serializers.CharField(max_length=120)
    amount = MoneyField()
    when = WhenField(default="disbursement")
    financed = serializers.BooleanField(default=False)
    in_psk = serializers.BooleanField(default=True)
    withheld = serializers.BooleanField(default=False)


class CalculateInput(CalculatedRules):
    """Terms of a loan; without dates the months are equal."""

    vehicle_price = MoneyField()
    down_payment = MoneyField()
    term_months = serializers.IntegerField()
    annual_rate = RateField(min_value=Decimal(0))
    schedule = serializers.ChoiceField(choices=[kind.value for kind in ScheduleKind], default=ScheduleKind.ANNUITY)
    balloon = MoneyField(default=Decimal(0))
    grace_months = serializers.IntegerField(default=0)
    fees = serializers.ListField(child=LoanFeeInput(), default=list, max_length=50)
    first_payment_date = serializers.DateField(allow_null=True, default=None)
    disbursement_date = serializers.DateField(allow_null=True, default=None)
    day_count = serializers.ChoiceField(choices=[item.value for item in LOAN_DAY_COUNTS], allow_null=True, default=None)


class LoanQuoteRowSerializer(serializers.Serializer):
    """One payment: roubles."""

    number = serializers.IntegerField()
    due_date = serializers.DateField(allow_null=True)
    payment = MoneyField()
    principal = MoneyField()
    interest = MoneyField()
    fees = MoneyField()
    balance = MoneyField()


class LoanQuoteSerializer(serializers.Serializer):
    """Cost of a loan: roubles; `apr` (EU) and `psk` in per cent a year; `withheld` is kept from the payout."""

    amount_financed = MoneyField()
    withheld = MoneyField()
    monthly_payment = MoneyField()
    total_interest = MoneyField()
    total_paid = MoneyField()
    apr = serializers.DecimalField(max_digits=20, decimal_places=2)
    psk = serializers.DecimalField(max_digits=20, decimal_places=3)
    schedule = LoanQuoteRowSerializer(many=True)


class ProgrammeRateSerializer(serializers.ModelSerializer):
    class Meta:
        model = ProgrammeRate
        fields = ["from_months", "annual_rate"]


PROGRAMME_FIELDS = [
    "bank", "name", "connection", "financing_type", "schedule", "base_rate", "residual_percent",
    "min_down_payment_percent", "max_ltv_percent", "min_down_payment_used_percent", "max_ltv_used_percent",
    "max_ltv_insured_percent", "min_amount", "max_amount", "min_term_months", "max_term_months",
    "min_age", "max_age_at_end", "is_birth_date_required", "max_vehicle_age", "review_irregular_income_above",
    "living_minimum", "approve_dti_percent", "review_dti_percent", "max_psk_percent", "penalty_daily_percent",
    "is_interest_on_overdue", "allocation_order", "residual_limits", "required_documents", "cooling_off_days",
    "day_count", "due_shift", "month_end", "payment_day", "min_first_period_days", "first_period", "payment_unit",
    "payment_rounding", "interest_rounding", "payoff_rule", "fees",
    "valid_from", "valid_to",
]  # fmt: skip


class ProgrammeSerializer(serializers.ModelSerializer):
    """A bank's offer; `rates` by the shortest term each holds for."""

    rates = ProgrammeRateSerializer(many=True)
    fees = BankFeeSerializer(many=True)

    class Meta:
        model = Programme
        fields = ["id", *PROGRAMME_FIELDS, "rates", "currency", "version", "created_at", "updated_at"]


def _share(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=7, decimal_places=4, required=False, **{"min_value": Decimal(0), "max_value": Decimal(100)} | options
    )


def _count(least: int, most: int) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=least, max_value=most, required=False)


class ProgrammeRateInput(serializers.Serializer):
    from_months = serializers.IntegerField(min_value=1, max_value=360)
    annual_rate = RateField(min_value=Decimal(0), max_value=Decimal(1000))


class ProgrammeInput(ProgrammeRulesInput):
    """A programme to open or change; what is left out keeps its default."""

    bank = serializers.CharField(max_length=120)
    name = serializers.CharField(max_length=160)
    connection = serializers.SlugField(max_length=30, required=False, allow_blank=True)
    financing_type = serializers.ChoiceField(choices=FinancingType.choices)
    schedule = serializers.ChoiceField(choices=[kind.value for kind in ScheduleKind], required=False)
    base_rate = RateField(min_value=Decimal(0), max_value=Decimal(999))
    residual_percent = _share(max_value=Decimal("99.9999"))
    min_down_payment_percent = _share(max_value=Decimal("99.9999"))
    max_ltv_percent = _share(min_value=Decimal("0.0001"))
    min_down_payment_used_percent = _share(allow_null=True, max_value=Decimal("99.9999"))
    max_ltv_used_percent = _share(allow_null=True, min_value=Decimal("0.0001"))
    max_ltv_insured_percent = _share(min_value=Decimal("0.0001"), max_value=Decimal(200))
    min_amount = MoneyField(min_value=Decimal("0.01"))
    max_amount = MoneyField(min_value=Decimal("0.01"))
    min_term_months = _count(1, 360)
    max_term_months = _count(1, 360)
    min_age = _count(18, 100)
    max_age_at_end = _count(18, 120)
    is_birth_date_required = serializers.BooleanField(required=False)
    max_vehicle_age = _count(0, 100)
    review_irregular_income_above = MoneyField(required=False)
    living_minimum = MoneyField(required=False)
    approve_dti_percent = _share()
    review_dti_percent = _share(max_value=Decimal(999))
    max_psk_percent = _share(allow_null=True, max_value=Decimal(999))
    penalty_daily_percent = _share(max_value=Decimal(1))
    is_interest_on_overdue = serializers.BooleanField(required=False)
    allocation_order = serializers.ListField(
        child=serializers.ChoiceField(choices=[part.value for part in Part]), required=False, max_length=len(Part)
    )
    residual_limits = serializers.ListField(
        child=serializers.DecimalField(max_digits=5, decimal_places=2, min_value=Decimal(0), max_value=Decimal(100)),
        required=False, max_length=20,
    )  # fmt: skip
    required_documents = serializers.ListField(
        child=serializers.ChoiceField(choices=PaperKind.choices), required=False, max_length=len(PaperKind)
    )
    cooling_off_days = _count(0, 365)
    valid_from = serializers.DateField()
    valid_to = serializers.DateField(required=False, allow_null=True)
    rates = serializers.ListField(child=ProgrammeRateInput(), required=False, max_length=60)

    def validate_residual_limits(self, limits: list[Decimal]) -> list[str]:
        """Kept as texts: JSON has no decimals."""
        return [str(limit) for limit in limits]

    def validate_rates(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A term has one rate."""
        if len({row["from_months"] for row in rows}) != len(rows):
            raise serializers.ValidationError(_("Each term once."), code="duplicate")
        return rows


class ApplicationInput(serializers.Serializer):
    """A request for a loan that pays for an order."""

    order_id = serializers.UUIDField()
    vehicle_price = MoneyField()
    down_payment = MoneyField()
    term_months = serializers.IntegerField()
    financing_type = serializers.ChoiceField(choices=FinancingType.choices)
    employment_status = serializers.ChoiceField(choices=[item.value for item in Employment])
    monthly_income = MoneyField()
    monthly_obligations = MoneyField(default=Decimal(0))
    birth_date = serializers.DateField(allow_null=True, default=None)
    vehicle_year = serializers.IntegerField(allow_null=True, default=None)
    programme_id = serializers.UUIDField(allow_null=True, default=None)


class ApplicationSerializer(serializers.ModelSerializer):
    """An application with its decision; the offer's members are null until it is approved."""

    requested_amount = MoneyField(read_only=True)
    detail = serializers.SerializerMethodField()
    required_documents = serializers.ListField(
        child=serializers.CharField(), source="programme.required_documents", read_only=True
    )
    missing_documents = serializers.SerializerMethodField()
    own_part = serializers.SerializerMethodField()

    class Meta:
        model = Application
        fields = [
            "id", "order_id", "customer_id", "programme_id", "financing_type", "vehicle_price", "down_payment",
            "financed_premium", "requested_amount", "term_months", "employment_status", "monthly_income",
            "monthly_obligations", "birth_date", "vehicle_year", "status", "reasons", "detail", "decision",
            "decided_at", "approved_amount", "own_part", "annual_rate", "schedule", "balloon", "monthly_payment", "psk",
            "expires_at", "required_documents", "missing_documents", "currency", "version", "created_at", "updated_at",
        ]  # fmt: skip

    def get_missing_documents(self, application: Application) -> list[str]:
        """Kinds of papers that the client has still to send."""
        return papers_to_send(application)

    def get_own_part(self, application: Application) -> str | None:
        """Return what the client pays by themselves with the approved loan."""
        return _own_part(application, application.paid_out)

    def get_detail(self, application: Application) -> str:
        """The reasons in words, or the manager's sentence."""
        return application.note or explain(application.reasons)


class BankOfferSerializer(serializers.ModelSerializer):
    """One bank's answer; the terms are null until it offers."""

    bank = serializers.CharField(source="programme.bank", read_only=True)
    programme = serializers.CharField(source="programme.name", read_only=True)
    is_expired = serializers.BooleanField(read_only=True)
    own_part = serializers.SerializerMethodField()
    bank_rules = BankRulesSerializer(source="rules", read_only=True)

    class Meta:
        model = BankOffer
        fields = [
            "id", "bank", "programme", "programme_id", "status", "is_expired", "is_as_asked", "amount", "own_part",
            "annual_rate", "term_months", "schedule", "balloon", "monthly_payment", "psk", "reference", "code",
            "bank_rules", "detail", "expires_at", "asked_at", "answered_at", "notice", "told_at",
        ]  # fmt: skip

    def get_own_part(self, offer: BankOffer) -> str | None:
        """Return what the client pays by themselves with this loan."""
        return _own_part(offer.application, offer.paid_out)


class BankOffersSerializer(serializers.Serializer):
    """Every bank's answer, all at once."""

    results = BankOfferSerializer(many=True)


def _own_part(application: Application, paid_out: Decimal | None) -> str | None:
    return None if paid_out is None else str(application.own_part(paid_out))


class AcceptInput(serializers.Serializer):
    """Choice of an offer, and what the client pays by themselves where the loan is smaller than they asked for."""

    offer_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    own_part = MoneyField(required=False, allow_null=True, default=None)


class ApplicationApprovalInput(serializers.Serializer):
    amount = MoneyField(required=False, min_value=Decimal("0.01"))
    rate = RateField(required=False, min_value=Decimal(0), max_value=Decimal(1000))


class ApplicationRejectionInput(serializers.Serializer):
    reason = serializers.CharField(max_length=1000)
