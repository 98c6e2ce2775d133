"""Fiscal receipts over HTTP: buyers read their own, managers try again what was refused, or correct it."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action

from core.money.vat import VatKind
from gateway.writes import Call, write
from payments import services
from payments.api.views import MoneyViewSet
from payments.commands import ReceiptItem, Supplier
from payments.models import Receipt, ReceiptKind, ReceiptLine, ReceiptState, ReceiptStep
from payments.rules.corrections import Basis
from payments.rules.receipts import SUBJECTS


class ReceiptLineSerializer(serializers.ModelSerializer):
    class Meta:
        model = ReceiptLine
        fields = [
            "name", "quantity", "unit_price", "amount", "vat_code", "vat_amount", "subject", "method", "marking_code",
            "supplier_name", "supplier_inn", "supplier_phone",
        ]  # fmt: skip


class ReceiptStepSerializer(serializers.ModelSerializer):
    class Meta:
        model = ReceiptStep
        fields = ["state", "attempt", "code", "at"]


class ReceiptSerializer(serializers.ModelSerializer):
    lines = serializers.SerializerMethodField()
    history = serializers.SerializerMethodField()

    class Meta:
        model = Receipt
        fields = [
            "id", "kind", "operation", "state", "order_id", "payment_id", "customer_id", "amount", "currency",
            "fiscal_number", "fiscal_sign", "storage_number", "registered_at", "corrects_id", "attempt",
            "basis_number", "basis_date", "is_ordered",
            "failure_code", "failure_detail", "settled_at", "created_at", "updated_at", "lines", "history",
        ]  # fmt: skip

    @extend_schema_field(ReceiptLineSerializer(many=True))
    def get_lines(self, receipt: Receipt) -> Any:
        lines = sorted(receipt.lines.all(), key=lambda line: line.position)
        return ReceiptLineSerializer(lines, many=True).data

    @extend_schema_field(ReceiptStepSerializer(many=True))
    def get_history(self, receipt: Receipt) -> Any:
        return ReceiptStepSerializer(sorted(receipt.steps.all(), key=lambda step: step.at), many=True).data


class ReceiptFilter(filters.FilterSet):
    """By order, payment, kind, state, age."""

    order_id = filters.UUIDFilter()
    payment_id = filters.UUIDFilter()
    kind = filters.MultipleChoiceFilter(choices=ReceiptKind.choices)
    state = filters.MultipleChoiceFilter(choices=ReceiptState.choices)
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Receipt
        fields: list[str] = []


class _Amount(serializers.DecimalField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=14, decimal_places=2, min_value=Decimal("0.01"), **options)


class SupplierInput(serializers.Serializer):
    name = serializers.CharField(max_length=255)
    inn = serializers.RegexField(r"^([0-9]{10}|[0-9]{12})$", max_length=12)
    telephone = serializers.RegexField(r"^\+[0-9]{7,15}$", max_length=16, required=False, allow_blank=True, default="")


class ReceiptItemInput(serializers.Serializer):
    name = serializers.CharField(max_length=128)
    quantity = serializers.IntegerField(min_value=1, max_value=100_000, default=1)
    unit_price = _Amount()
    amount = _Amount()
    vat_rate = serializers.DecimalField(
        max_digits=4, decimal_places=2, min_value=Decimal(0), max_value=Decimal(99), required=False, allow_null=True
    )
    vat_kind = serializers.ChoiceField(
        choices=[(kind.value, kind.value) for kind in VatKind], default=VatKind.STANDARD.value,
        help_text="How the goods are taxed, where no rate is named; by the margin scheme the rate is a calculated one.",
    )  # fmt: skip
    subject = serializers.ChoiceField(choices=sorted(SUBJECTS), default="commodity")
    marking_code = serializers.CharField(max_length=255, required=False, default="", allow_blank=True)
    vat_amount = serializers.DecimalField(
        max_digits=14, decimal_places=2, min_value=Decimal(0), required=False, allow_null=True,
        help_text="The tax within the line where it is not the rate's of it, as by the margin scheme.",
    )  # fmt: skip
    supplier = SupplierInput(required=False, allow_null=True, help_text="Whose it is, where the dealer is an agent.")


class CorrectionInput(serializers.Serializer):
    lines = serializers.ListField(child=ReceiptItemInput(), min_length=1, max_length=100)
    reason = serializers.CharField(max_length=255)
    basis_number = serializers.CharField(
        max_length=32, required=False, allow_blank=True, default="", help_text="Of the document it rests on."
    )
    basis_date = serializers.DateField(required=False, allow_null=True, default=None)
    is_ordered = serializers.BooleanField(
        default=False, help_text="Whether the tax office ordered it by that document."
    )


def _read_item(line: dict[str, Any]) -> ReceiptItem:
    supplier = line.get("supplier")
    return ReceiptItem(**line | {"supplier": Supplier(**supplier) if supplier else None})


class RetryInput(serializers.Serializer):
    contact = serializers.RegexField(
        r"^(\+[0-9]{7,15}|[^@\s]+@[^@\s]+)$", max_length=254, required=False, help_text="Where the buyer gets it."
    )


class ReceiptViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, MoneyViewSet):
    """Fiscal receipts of money taken and returned online. Clients see their own, staff everybody's."""

    queryset = Receipt.objects.none()
    serializer_class = ReceiptSerializer
    filterset_class = ReceiptFilter
    ordering = ("-created_at", "-id")
    ordering_fields = {"created_at": "created_at"}
    manager_actions = frozenset({"retry", "correct"})

    def get_queryset(self) -> Any:
        receipts = Receipt.objects.prefetch_related("lines", "steps")
        return receipts if self.principal.is_staff else receipts.filter(customer_id=self.principal.id)

    @action(detail=True, methods=["post"])
    @write(request=RetryInput, responses=ReceiptSerializer, once="POST /receipts/{id}/retry")
    def retry(self, call: Call, pk: UUID) -> Receipt:
        """Have a refused receipt sent again, to another contact of the buyer if one is given."""
        return services.retry_receipt(
            receipt_id=self.get_object().id,
            contact=call.body.get("contact", ""),
            actor_id=call.actor_id,
            now=call.now,
        )

    @action(detail=True, methods=["post"])
    @write(request=CorrectionInput, responses={201: ReceiptSerializer}, once="POST /receipts/{id}/correct")
    def correct(self, call: Call, pk: UUID) -> Receipt:
        """Say anew what the money was moved for; a receipt that was registered is undone first."""
        return services.correct_receipt(
            receipt_id=self.get_object().id,
            items=[_read_item(line) for line in call.body["lines"]],
            reason=call.body["reason"],
            basis=Basis(call.body["basis_number"], call.body["basis_date"], call.body["is_ordered"]),
            actor_id=call.actor_id,
            now=call.now,
        )
