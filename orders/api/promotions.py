"""Campaigns and coupons over HTTP, for managers."""

from datetime import datetime
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import mixins, serializers

from core.db import database_now
from core.money import DEFAULT_CURRENCY
from gateway.access.permissions import IsManager
from gateway.api import ApiViewSet
from gateway.approvals.views import may_wait
from gateway.writes import Call, write
from orders import services
from orders.models import Promotion

MOST_USES = 1_000_000


def _money(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=14, decimal_places=2, required=False, allow_null=True, **options)


class CampaignInput(serializers.Serializer):
    """Per cent or roubles off, from the first to the last day, on goods that meet the conditions."""

    name = serializers.CharField(max_length=120)
    percent = serializers.DecimalField(
        max_digits=5, decimal_places=2, min_value=0, max_value=100, required=False, allow_null=True
    )
    amount = _money(min_value=0)
    currency = serializers.ChoiceField(choices=[DEFAULT_CURRENCY], required=False)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    kind = serializers.ChoiceField(choices=["", "vehicle", "accessory", "service"], required=False)
    category_id = serializers.UUIDField(required=False, allow_null=True)
    make = serializers.CharField(max_length=60, required=False, allow_blank=True)
    min_days_in_stock = serializers.IntegerField(min_value=0, max_value=10_000, required=False, allow_null=True)
    min_price = _money(min_value=0)
    budget = _money(min_value=0)
    is_combinable = serializers.BooleanField(required=False)
    is_below_cost = serializers.BooleanField(
        required=False, help_text=_("It may sell below cost: a second person has to agree.")
    )
    is_active = serializers.BooleanField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in ("percent", "amount"):
            if attrs.get(name) == 0:
                raise serializers.ValidationError({name: _("More than nothing.")})
        attrs.pop("currency", None)
        return attrs


class CouponInput(CampaignInput):
    """The same by a code, which may be used so often, in all and by one person."""

    name = serializers.CharField(max_length=120, required=False)
    code = serializers.RegexField(r"^[A-Za-z0-9][A-Za-z0-9_-]{2,39}$")
    limit_total = serializers.IntegerField(min_value=1, max_value=MOST_USES, required=False, allow_null=True)
    limit_per_person = serializers.IntegerField(min_value=1, max_value=MOST_USES, required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if "code" in attrs:
            attrs["code"] = attrs["code"].upper()
        return attrs


_FIELDS = [
    "id", "name", "percent", "amount", "starts_on", "ends_on", "kind", "category_id", "make", "min_days_in_stock",
    "min_price", "budget", "spent", "used", "is_combinable", "is_below_cost", "is_active", "created_by", "created_at",
    "updated_at", "version",
]  # fmt: skip


class CampaignSerializer(serializers.ModelSerializer):
    """A campaign, and what it has spent."""

    class Meta:
        model = Promotion
        fields = _FIELDS
        read_only_fields = fields


class CouponSerializer(serializers.ModelSerializer):
    """A coupon, and how often it was used."""

    class Meta:
        model = Promotion
        fields = ["code", "limit_total", "limit_per_person", *_FIELDS]
        read_only_fields = fields


class PromotionFilter(django_filters.FilterSet):
    """By whether it is active, and by a day it holds on."""

    is_active = django_filters.BooleanFilter()
    on = django_filters.DateFilter(method="hold_on")

    class Meta:
        model = Promotion
        fields: list[str] = []

    def hold_on(self, found: QuerySet[Promotion], name: str, value: Any) -> QuerySet[Promotion]:
        return found.filter(starts_on__lte=value, ends_on__gte=value)


class _PromotionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    permission_classes = [IsManager]
    filterset_class = PromotionFilter
    idempotent_on = "orders"
    queryset = Promotion.objects.none()
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at", "ends_on": "ends_on"}

    def now(self) -> datetime:
        return database_now("orders")

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        """End it; what orders have of it stays."""
        self.get_object()
        services.end_promotion(promotion_id=pk, now=call.now, expected_version=call.expected_version)

    def _change(self, call: Call, pk: UUID) -> Promotion:
        self.get_object()
        return services.change_promotion(
            promotion_id=pk,
            changes=call.body,
            maker_id=call.actor_id,
            now=call.now,
            expected_version=call.expected_version,
        )


class CampaignViewSet(_PromotionViewSet):
    """Campaigns lower the price of what meets their conditions by themselves."""

    serializer_class = CampaignSerializer

    def get_queryset(self) -> QuerySet[Promotion]:
        return Promotion.objects.filter(code="")

    @write(request=CampaignInput, responses=may_wait(CampaignSerializer, 201), once="orders.add_campaign")
    def create(self, call: Call) -> Promotion:
        """Add a campaign; without a budget, or above what one may promise alone, it waits for a second person."""
        return services.add_promotion(fields=call.body, maker_id=call.actor_id, now=call.now)

    @write(request=CampaignInput, responses=may_wait(CampaignSerializer))
    def update(self, call: Call, pk: UUID) -> Promotion:
        """Change a campaign for orders to come."""
        return self._change(call, pk)

    @write(request=CampaignInput(partial=True), responses=may_wait(CampaignSerializer))
    def partial_update(self, call: Call, pk: UUID) -> Promotion:
        """Change some of a campaign for orders to come."""
        return self._change(call, pk)


class CouponViewSet(_PromotionViewSet):
    """Coupons lower the price of a deal whose buyer knows their code."""

    serializer_class = CouponSerializer

    def get_queryset(self) -> QuerySet[Promotion]:
        return Promotion.objects.exclude(code="")

    @write(request=CouponInput, responses=may_wait(CouponSerializer, 201), once="orders.add_coupon")
    def create(self, call: Call) -> Promotion:
        """Add a coupon; without a budget, or above what one may promise alone, it waits for a second person."""
        fields = {"name": call.body["code"]} | call.body
        return services.add_promotion(fields=fields, maker_id=call.actor_id, now=call.now)

    @write(request=CouponInput, responses=may_wait(CouponSerializer))
    def update(self, call: Call, pk: UUID) -> Promotion:
        """Change a coupon for orders to come."""
        return self._change(call, pk)

    @write(request=CouponInput(partial=True), responses=may_wait(CouponSerializer))
    def partial_update(self, call: Call, pk: UUID) -> Promotion:
        """Change some of a coupon for orders to come."""
        return self._change(call, pk)
