"""Declare what financing takes and shows of loans over HTTP."""

from decimal import Decimal

from rest_framework import serializers

from financing.api.bank_rules import BankRulesSerializer
from financing.api.serializers import LoanQuoteRowSerializer, MoneyField, RateField
from financing.models import Loan, LoanPayment, LoanPaymentMethod
from financing.rules.calculations import Strategy
from financing.rules.holidays import MOST_MONTHS, Ground

_LEAST = Decimal("0.01")


class LoanSerializer(serializers.ModelSerializer):
    """A loan as it stands today; `bank_rules` are those it was signed by.

    `paid_out` is what its order got: the principal less the fees that the loan itself paid.
    """

    bank_rules = BankRulesSerializer(source="rules", read_only=True)
    paid_out = MoneyField(read_only=True)

    class Meta:
        model = Loan
        fields = [
            "id", "application_id", "order_id", "customer_id", "bank", "status", "principal", "paid_out", "balance",
            "annual_rate", "term_months", "schedule", "bank_rules", "schedule_version", "monthly_payment",
            "total_interest", "psk",
            "overdue_amount", "penalty_amount", "days_past_due", "overdue_since", "deposit", "next_due_date",
            "next_payment", "stage", "stage_until", "disbursed_date", "cooling_off_until", "last_due_date", "closed_at",
            "written_off_amount",
            "cancelled_at", "currency", "version", "created_at", "updated_at",
        ]  # fmt: skip


class LoanRowSerializer(LoanQuoteRowSerializer):
    """One instalment, and whether nothing of it is owed any more."""

    is_paid = serializers.BooleanField()


class LoanScheduleSerializer(serializers.Serializer):
    """The whole schedule of a loan: paid instalments as they were, the rest by the newest version."""

    loan_id = serializers.UUIDField()
    version = serializers.IntegerField()
    schedule = LoanRowSerializer(many=True)


class _MeansInput(serializers.Serializer):
    token = serializers.CharField(max_length=255, required=False, default="")
    payment_method_id = serializers.UUIDField(required=False, allow_null=True, default=None)


class LoanPaymentInput(_MeansInput):
    """Money towards what is due."""

    amount = MoneyField(min_value=_LEAST)
    method = serializers.ChoiceField(choices=LoanPaymentMethod.choices)


class EarlyRepaymentInput(_MeansInput):
    """Money before its time; without a method the bank is told to debit the account, and nothing moves until it did."""

    amount = MoneyField(min_value=_LEAST)
    date = serializers.DateField(required=False, allow_null=True, default=None)
    strategy = serializers.ChoiceField(choices=[item.value for item in Strategy], default=Strategy.REDUCE_PAYMENT.value)
    preview = serializers.BooleanField(default=False)
    method = serializers.ChoiceField(choices=LoanPaymentMethod.choices, default=LoanPaymentMethod.ACCOUNT.value)


class ReturnInput(_MeansInput):
    """Means by which the money of a returned loan comes; `preview` only says how much it is."""

    method = serializers.ChoiceField(choices=LoanPaymentMethod.choices, default=LoanPaymentMethod.ACCOUNT.value)
    preview = serializers.BooleanField(default=False)


class LoanPaymentSerializer(serializers.ModelSerializer):
    """A payment; `spent` is what it paid for, by part, once it is received. `reference` is a debit's at its bank."""

    class Meta:
        model = LoanPayment
        fields = [
            "id", "loan_id", "kind", "method", "status", "amount", "currency", "strategy", "value_date", "spent",
            "surplus", "failure_code", "failure_detail", "reference", "created_at", "received_at", "reversed_at",
        ]  # fmt: skip


class EarlyRepaymentSerializer(serializers.Serializer):
    """Effects of an early repayment, roubles; `payment` is null in a preview."""

    preview = serializers.BooleanField()
    closed = serializers.BooleanField()
    date = serializers.DateField()
    strategy = serializers.CharField()
    due = MoneyField()
    interest = MoneyField()
    principal = MoneyField()
    refund = MoneyField()
    saved_interest = serializers.DecimalField(max_digits=16, decimal_places=2)
    balance = MoneyField()
    monthly_payment = MoneyField()
    psk = serializers.DecimalField(max_digits=12, decimal_places=3)
    payment = LoanPaymentSerializer(allow_null=True)
    schedule = LoanQuoteRowSerializer(many=True)


class PayoffQuerySerializer(serializers.Serializer):
    date = serializers.DateField(required=False, allow_null=True, default=None)


class PayoffSerializer(serializers.Serializer):
    """Sum that closes a loan on a day, roubles: total = balance + interest + due - deposit."""

    date = serializers.DateField(source="day")
    balance = MoneyField()
    interest = MoneyField()
    due = MoneyField()
    deposit = MoneyField()
    total = MoneyField()


class ReturnSerializer(PayoffSerializer):
    """Cost of returning a loan; `payment` is null in a preview."""

    preview = serializers.BooleanField()
    payment = LoanPaymentSerializer(allow_null=True)


class ReasonInput(serializers.Serializer):
    reason = serializers.CharField(max_length=1000)


class DebitInput(serializers.Serializer):
    """The bank's paper about a debit: its number there, its day, and what shows it."""

    reference = serializers.CharField(max_length=60)
    date = serializers.DateField()
    evidence = serializers.CharField(max_length=1000)


class RestructuringInput(ReasonInput):
    """New terms for the rest of a loan."""

    term_months = serializers.IntegerField(min_value=1, max_value=360)
    annual_rate = RateField(
        required=False, allow_null=True, default=None, min_value=Decimal(0), max_value=Decimal(1000)
    )
    waive_penalty = serializers.BooleanField(default=False)


class MoratoriumInput(serializers.Serializer):
    """Credit holidays from today: `income` and `emergency` are the borrower's right, `agreed` is the lender's will."""

    months = serializers.IntegerField(min_value=1, max_value=MOST_MONTHS)
    ground = serializers.ChoiceField(choices=[item.value for item in Ground])
    evidence = serializers.CharField(max_length=1000)


class PortfolioBucketSerializer(serializers.Serializer):
    name = serializers.CharField()
    count = serializers.IntegerField()
    balance = MoneyField()
    overdue = MoneyField()
    penalties = MoneyField()


class PortfolioSerializer(serializers.Serializer):
    """All loans by lateness, roubles."""

    lent = MoneyField()
    balance = MoneyField()
    written_off = MoneyField()
    at_risk_percent = serializers.DecimalField(max_digits=5, decimal_places=2)
    by_status = serializers.DictField(child=serializers.IntegerField())
    buckets = PortfolioBucketSerializer(many=True)
