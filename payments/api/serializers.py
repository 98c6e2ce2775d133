"""Declare what the payments API takes and shows."""

from datetime import date
from decimal import Decimal
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.money import DEFAULT_CURRENCY
from gateway.approvals.fields import PendingApprovals
from payments.models import LedgerAccount, LedgerLine, Method, Payment, PaymentMethod, Reconciliation, Refund


class _Amount(serializers.DecimalField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=14, decimal_places=2, min_value=Decimal("0.01"), **options)


class PaymentMethodInput(serializers.Serializer):
    method = serializers.ChoiceField(choices=Method.choices)
    token = serializers.CharField(max_length=255)


class PaymentMethodSerializer(serializers.ModelSerializer):
    class Meta:
        model = PaymentMethod
        fields = ["id", "method", "label", "created_at"]


class PaymentInput(serializers.Serializer):
    order_id = serializers.UUIDField()
    amount = _Amount(required=False)
    currency = serializers.RegexField("^[A-Z]{3}$", required=False)
    method = serializers.ChoiceField(choices=Method.choices)
    token = serializers.CharField(max_length=255, required=False)
    payment_method_id = serializers.UUIDField(required=False)
    description = serializers.CharField(max_length=255, required=False, allow_blank=True)
    capture = serializers.ChoiceField(choices=["automatic", "manual"], default="automatic")


class PaymentSerializer(serializers.ModelSerializer):
    pending_approvals = PendingApprovals("payments")

    class Meta:
        model = Payment
        fields = [
            "id", "purpose", "order_id", "subject_id", "customer_id", "method", "provider", "is_hold", "status",
            "amount", "refunded_amount", "currency", "description", "action_url", "failure_code", "failure_detail",
            "cancel_requested_at", "completed_at", "created_at", "updated_at", "version", "pending_approvals",
        ]  # fmt: skip


class RefundInput(serializers.Serializer):
    amount = _Amount(required=False)
    reason = serializers.CharField(max_length=255)


class RefundSerializer(serializers.ModelSerializer):
    payment_id = serializers.UUIDField(read_only=True)

    class Meta:
        model = Refund
        fields = [
            "id", "payment_id", "order_id", "customer_id", "amount", "currency", "status", "reason", "source",
            "requested_by", "approved_by", "attempt", "failure_code", "failure_detail", "succeeded_at", "created_at",
            "updated_at", "version",
        ]  # fmt: skip


class TransactionSerializer(serializers.ModelSerializer):
    entry_id = serializers.UUIDField(read_only=True)
    account = serializers.CharField(source="account_id", read_only=True)
    kind = serializers.CharField(source="entry.kind", read_only=True)
    currency = serializers.CharField(source="entry.currency", read_only=True)
    order_id = serializers.UUIDField(source="entry.order_id", read_only=True)
    payment_id = serializers.UUIDField(source="entry.payment_id", read_only=True)
    refund_id = serializers.UUIDField(source="entry.refund_id", read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(source="entry.created_at", read_only=True)

    class Meta:
        model = LedgerLine
        fields = [
            "id", "entry_id", "kind", "account", "amount", "currency", "order_id", "payment_id", "refund_id",
            "created_at",
        ]  # fmt: skip


class LedgerAccountSerializer(serializers.ModelSerializer):
    balance = serializers.DecimalField(max_digits=20, decimal_places=2, read_only=True)
    currency = serializers.SerializerMethodField()

    class Meta:
        model = LedgerAccount
        fields = ["code", "balance", "currency"]

    @extend_schema_field(OpenApiTypes.STR)
    def get_currency(self, account: LedgerAccount) -> str:
        return DEFAULT_CURRENCY


def statement_query(**options: Any) -> serializers.Serializer:
    """The days of a statement, `from` and `to`; years that no calendar of ours holds are refused."""
    return _StatementQuery(**options)


class _StatementQuery(serializers.Serializer):
    to = serializers.DateField(required=False)

    def get_fields(self) -> dict[str, Any]:
        return super().get_fields() | {"from": serializers.DateField(required=False)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        first, last = attrs.get("from", date(2000, 1, 1)), attrs.get("to", date(2100, 1, 1))
        if not date(2000, 1, 1) <= first <= last <= date(2100, 1, 1):
            detail = serializers.ErrorDetail("The days must be within 2000-2100 and in their order.", code="invalid")
            raise serializers.ValidationError({"from": [detail]})
        return attrs


class StatementLineSerializer(serializers.Serializer):
    at = serializers.DateTimeField()
    entry_id = serializers.UUIDField()
    kind = serializers.CharField()
    order_id = serializers.UUIDField(allow_null=True)
    customer_id = serializers.UUIDField(allow_null=True)
    amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    balance = serializers.DecimalField(max_digits=20, decimal_places=2)
    currency = serializers.CharField()


class StatementSerializer(serializers.Serializer):
    account = serializers.CharField()
    currency = serializers.CharField()
    to = serializers.DateField()
    opening = serializers.DecimalField(max_digits=20, decimal_places=2)
    closing = serializers.DecimalField(max_digits=20, decimal_places=2)
    lines = StatementLineSerializer(many=True)

    def get_fields(self) -> dict[str, Any]:
        return super().get_fields() | {"from": serializers.DateField()}


class DifferenceSerializer(serializers.Serializer):
    kind = serializers.CharField()
    id = serializers.CharField()
    there = serializers.CharField()
    here = serializers.CharField()


class ReconciliationSerializer(serializers.ModelSerializer):
    agrees = serializers.BooleanField(read_only=True)
    differences = DifferenceSerializer(many=True, read_only=True)

    class Meta:
        model = Reconciliation
        fields = [
            "id", "provider", "day", "charged_there", "charged_here", "returned_there", "returned_here", "agrees",
            "differences", "made_at",
        ]  # fmt: skip


class WebhookAnswer(serializers.Serializer):
    outcome = serializers.CharField()
