"""The deal calculator of the orders API."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import mixins, serializers
from rest_framework.permissions import AllowAny

from core.money import MAX_AMOUNT
from gateway.access.permissions import IsSignedIn
from gateway.api import ApiViewSet
from gateway.principal import Principal
from gateway.writes import Call, write
from orders.models.deals import DealQuote
from orders.services.deal_quote import LoanWish, quote_deal
from orders.services.lines import MAX_LINES


def _money(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=14, decimal_places=2, min_value=Decimal(0), max_value=MAX_AMOUNT, **options
    )


class DealItemInput(serializers.Serializer):
    product_id = serializers.UUIDField()
    quantity = serializers.IntegerField(min_value=1, max_value=1000, default=1)


class DealLoanInput(serializers.Serializer):
    """The loan wanted; without a programme the cheapest that fits."""

    term_months = serializers.IntegerField(min_value=1, max_value=360)
    down_payment = _money(required=False, default=Decimal(0))
    programme_id = serializers.UUIDField(required=False)
    financing_type = serializers.ChoiceField(choices=["car_loan", "leasing", "installment"], default="car_loan")
    insurance_financed = serializers.BooleanField(required=False, default=False)


class DealQuoteInput(serializers.Serializer):
    """A car with accessories, what the old one is worth, a loan and policies (fields of POST /insurance/quotes)."""

    items = serializers.ListField(child=DealItemInput(), min_length=1, max_length=MAX_LINES)
    trade_in = _money(required=False, default=Decimal(0))
    financing = DealLoanInput(required=False, allow_null=True, default=None)
    insurance = serializers.ListField(child=serializers.DictField(), required=False, default=list, max_length=5)
    coupon = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")


class DealQuoteSerializer(serializers.ModelSerializer):
    """Amounts due now and each month, and the full cost of credit, with the versions that were used."""

    programme = serializers.JSONField(source="loan_terms")
    result = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = DealQuote
        fields = [
            "id", "customer_id", "lines", "trade_in_amount", "insurance", "programme", "total_amount", "due_now",
            "coupon", "monthly_payment", "psk", "result", "rated_on", "currency", "created_at",
        ]  # fmt: skip


class DealQuoteViewSet(mixins.RetrieveModelMixin, ApiViewSet):
    """Anyone may calculate; a calculation is kept for whoever made it."""

    queryset = DealQuote.objects.all()
    serializer_class = DealQuoteSerializer
    throttle_scopes = {"create": "calculations"}

    def get_permissions(self) -> list[Any]:
        return [AllowAny()] if self.action == "create" else [IsSignedIn()]

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        return rows.all() if self.principal.is_staff else rows.filter(customer_id=self.principal.id)

    @write(request=DealQuoteInput, responses={201: DealQuoteSerializer})
    def create(self, call: Call) -> DealQuote:
        """Calculate a whole deal by the prices, programmes and tariffs of now."""
        given = call.body
        return quote_deal(
            items=[(item["product_id"], item["quantity"]) for item in given["items"]],
            customer_id=self._caller,
            trade_in_amount=given["trade_in"],
            loan=read_wish(given["financing"]),
            insurance=given["insurance"],
            coupon=given["coupon"],
            now=call.now,
        )

    @property
    def _caller(self) -> UUID | None:
        return self.request.user.id if isinstance(self.request.user, Principal) else None


def read_wish(given: dict[str, Any] | None) -> LoanWish | None:
    """Return the loan wanted as the services take it."""
    if given is None:
        return None
    return LoanWish(
        term_months=given["term_months"],
        down_payment=given["down_payment"],
        programme_id=given.get("programme_id"),
        financing_type=given["financing_type"],
        is_insurance_financed=given["insurance_financed"],
    )
