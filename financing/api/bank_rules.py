"""Declare how a bank's own rules of a loan, and the calendar that they follow, look over HTTP."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.money import MAX_AMOUNT
from financing.rules.bank_rules import MAX_FEES, UNITS, FeeKind, FeePayment, FirstPeriod, RoundingMode
from financing.rules.calculations import MonthEnd, PayoffRule, Shift
from financing.rules.calculations.terms import LOAN_DAY_COUNTS


def name_one(values: Any, **options: Any) -> serializers.ChoiceField:
    """A rule by its name; an unknown one is refused."""
    return serializers.ChoiceField(choices=[item.value for item in values], required=False, **options)


@extend_schema_field(
    {"oneOf": [{"type": "string", "enum": ["disbursement", "each", "yearly"]}, {"type": "integer", "minimum": 1}]}
)
class BankFeeWhenField(serializers.Field):
    """`disbursement`, `each`, `yearly`, or the number of a payment."""

    def to_internal_value(self, data: Any) -> str | int:
        if isinstance(data, bool) or not isinstance(data, str | int):
            return ""
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class BankFeeSerializer(serializers.Serializer):
    """A fee or a premium of a programme: roubles, or per cent of what is lent.

    One of the payout may be `financed`, on top of the loan, or `withheld` from what the order gets.
    """

    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(choices=[item.value for item in FeeKind], default=FeeKind.FEE.value)
    when = BankFeeWhenField(default="disbursement")
    amount = serializers.DecimalField(
        max_digits=14, decimal_places=2, min_value=Decimal("0.01"), max_value=MAX_AMOUNT, allow_null=True, default=None
    )
    percent = serializers.DecimalField(
        max_digits=7, decimal_places=4, min_value=Decimal("0.0001"), max_value=Decimal(100), allow_null=True,
        default=None,
    )  # fmt: skip
    in_psk = serializers.BooleanField(default=True)
    paid = serializers.ChoiceField(choices=[item.value for item in FeePayment], default=FeePayment.CASH.value)


class PaymentUnitField(serializers.DecimalField):
    """Roubles that payments are rounded to: one of a few."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=5, decimal_places=2, min_value=UNITS[0], max_value=UNITS[-1], **options)


class BankRulesSerializer(serializers.Serializer):
    """The rules that an offer or a loan was agreed by: a later change of the programme does not reach them."""

    day_count = serializers.CharField()
    due_shift = serializers.CharField()
    month_end = serializers.CharField()
    payment_day = serializers.IntegerField(allow_null=True)
    min_first_period_days = serializers.IntegerField()
    first_period = serializers.CharField()
    payment_unit = PaymentUnitField()
    payment_rounding = serializers.CharField()
    interest_rounding = serializers.CharField()
    payoff_rule = serializers.CharField()
    fees = BankFeeSerializer(many=True)
    programme_version = serializers.IntegerField()


class ProgrammeRulesInput(serializers.Serializer):
    """A programme's own rules; what is left out keeps its default."""

    day_count = name_one(LOAN_DAY_COUNTS)
    due_shift = name_one(Shift)
    month_end = name_one(MonthEnd)
    payment_day = serializers.IntegerField(min_value=1, max_value=31, required=False, allow_null=True)
    min_first_period_days = serializers.IntegerField(min_value=10, max_value=30, required=False)
    first_period = name_one(FirstPeriod)
    payment_unit = PaymentUnitField(required=False)
    payment_rounding = name_one(RoundingMode)
    interest_rounding = name_one(RoundingMode)
    payoff_rule = name_one(PayoffRule)
    fees = serializers.ListField(child=BankFeeSerializer(), required=False, max_length=MAX_FEES)


class CalculatedRules(serializers.Serializer):
    """Rules for the calculator: a programme's, or named one by one."""

    programme_id = serializers.UUIDField(allow_null=True, default=None)
    due_shift = serializers.ChoiceField(choices=[item.value for item in Shift], default=Shift.NONE.value)
    month_end = serializers.ChoiceField(choices=[item.value for item in MonthEnd], default=MonthEnd.CLAMP.value)
    payment_unit = PaymentUnitField(default=UNITS[0])
    payment_rounding = serializers.ChoiceField(
        choices=[item.value for item in RoundingMode], default=RoundingMode.HALF_UP.value
    )
    interest_rounding = serializers.ChoiceField(
        choices=[item.value for item in RoundingMode], default=RoundingMode.HALF_UP.value
    )


class WorkYearSerializer(serializers.Serializer):
    """Days off besides Saturdays and Sundays; `is_by_rule` until the decree of the year is entered."""

    year = serializers.IntegerField()
    is_by_rule = serializers.BooleanField()
    source = serializers.CharField()  # type: ignore[assignment]
    days_off = serializers.ListField(child=serializers.DateField())
    working_days = serializers.ListField(child=serializers.DateField())
