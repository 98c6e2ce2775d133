"""Commissions over HTTP: salesmen read their own, administrators read all, write rules and correct."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.clock import dealer_day
from core.db import database_now
from core.errors import InvalidInput
from gateway.access.permissions import IsAdmin, IsManager, may_see_costs
from gateway.api import ApiViewSet
from gateway.approvals.views import may_wait
from gateway.principal import ADMIN
from gateway.requests.filtering import refuse_unknown
from gateway.writes import Call, write
from orders import services
from orders.models import Commission, CommissionKind, CommissionRule
from orders.queries.commissions import read_month
from orders.rules.commissions import Basis, Goods, shown_calculation
from orders.services import Actor


class CommissionLineSerializer(serializers.Serializer):
    """A line of a calculation, or the loan; rule and base for those alone who may see what deals leave over."""

    name = serializers.CharField()
    goods = serializers.CharField()
    quantity = serializers.IntegerField()
    amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    lacks = serializers.CharField(help_text="Why it earns nothing though its kind has a rule; empty where it does.")
    rule_id = serializers.UUIDField(required=False, allow_null=True)
    basis = serializers.CharField(required=False, allow_null=True)
    value = serializers.DecimalField(max_digits=14, decimal_places=2, required=False, allow_null=True)
    base = serializers.DecimalField(max_digits=14, decimal_places=2, required=False, allow_null=True)
    least = serializers.DecimalField(max_digits=14, decimal_places=2, required=False, allow_null=True)
    most = serializers.DecimalField(max_digits=14, decimal_places=2, required=False, allow_null=True)


class CommissionSerializer(serializers.ModelSerializer):
    """An entry of what a sale earned its salesman; `lines` is how it was reckoned at the hand-over."""

    order_number = serializers.CharField(source="order.number")
    lines = serializers.SerializerMethodField()

    class Meta:
        model = Commission
        fields = [
            "id", "order_id", "order_number", "manager_id", "kind", "amount", "currency", "day", "lines", "is_complete",
            "reason", "actor_id", "agreed_by", "at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(CommissionLineSerializer(many=True))
    def get_lines(self, entry: Commission) -> list[dict[str, Any]]:
        with_bases = may_see_costs(self.context["view"].principal.roles)
        return shown_calculation(entry.calculation, with_bases=with_bases)


class CorrectionInput(serializers.Serializer):
    """An amount added to what a sale earned, or below zero taken from it, and why."""

    order_id = serializers.UUIDField()
    amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    reason = serializers.CharField(max_length=1000)


class MonthSumSerializer(serializers.Serializer):
    """Sums of a salesman's month; `incomplete` are sales with a line that could not be reckoned."""

    manager_id = serializers.UUIDField()
    currency = serializers.CharField()
    sales = serializers.IntegerField()
    earned = serializers.DecimalField(max_digits=14, decimal_places=2)
    reversed = serializers.DecimalField(max_digits=14, decimal_places=2)
    corrected = serializers.DecimalField(max_digits=14, decimal_places=2)
    total = serializers.DecimalField(max_digits=14, decimal_places=2)
    incomplete = serializers.IntegerField()


class CommissionFilter(django_filters.FilterSet):
    """By the days they count on, by sale, salesman and kind."""

    since = django_filters.DateFilter(field_name="day", lookup_expr="gte")
    until = django_filters.DateFilter(field_name="day", lookup_expr="lte")
    order_id = django_filters.UUIDFilter()
    manager_id = django_filters.UUIDFilter()
    kind = django_filters.MultipleChoiceFilter(choices=CommissionKind.choices)
    is_complete = django_filters.BooleanFilter()

    class Meta:
        model = Commission
        fields: list[str] = []


class CommissionViewSet(mixins.ListModelMixin, ApiViewSet):
    """Administrators see what every sale earned whoever made it, anybody else of the staff their own."""

    permission_classes = [IsManager]
    serializer_class = CommissionSerializer
    filterset_class = CommissionFilter
    queryset = Commission.objects.none()
    ordering = "-id"
    ordering_fields = {"day": "day"}
    idempotent_on = "orders"

    def now(self) -> datetime:
        return database_now("orders")

    def get_permissions(self) -> Any:
        return [IsAdmin()] if self.action == "create" else super().get_permissions()

    def get_queryset(self) -> QuerySet[Commission]:
        found = Commission.objects.select_related("order")
        return found if ADMIN in self.principal.roles else found.filter(manager_id=self.principal.id)

    @write(request=CorrectionInput, responses=may_wait(CommissionSerializer, 201), once="orders.correct_commission")
    def create(self, call: Call) -> Commission:
        """Correct what a sale that was handed over earned; a second administrator agrees."""
        actor = Actor(call.actor_id, call.principal.roles)
        return services.correct_commission(actor=actor, now=call.now, **call.body)

    @extend_schema(
        parameters=[OpenApiParameter("month", str, description="Such as 2026-11; this month if it is not said.")],
        responses=MonthSumSerializer(many=True),
    )
    @action(detail=False, methods=["get"], pagination_class=None, filterset_class=None)
    def months(self, request: Request) -> Response:
        """Sum up a month by salesman and currency, the largest first."""
        refuse_unknown(request, {"month"})
        month = read_month_name(request.query_params.get("month"), dealer_day(self.now()))
        mine = None if ADMIN in self.principal.roles else self.principal.id
        return Response(MonthSumSerializer([asdict(row) for row in read_month(month, mine)], many=True).data)


def read_month_name(text: str | None, today: date) -> date:
    """Return the first day of a month named as 2026-11, or of today's. Raises InvalidInput."""
    if text is None:
        return today.replace(day=1)
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise InvalidInput("month", "invalid", _("A year and month, such as 2026-11.")) from error


class CommissionRuleSerializer(serializers.ModelSerializer):
    """A rule of what one kind of goods earns from a day on; of two rows for one day the later counts."""

    class Meta:
        model = CommissionRule
        fields = [
            "id", "goods", "basis", "value", "least", "most", "valid_from", "reason", "made_by", "agreed_by", "at",
        ]  # fmt: skip
        read_only_fields = fields


def _money(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=14, decimal_places=2, min_value=0, **options)


class CommissionRuleInput(serializers.Serializer):
    """Per cent of gross or price, or roubles a piece, with bounds in roubles a piece, from a day to come on."""

    goods = serializers.ChoiceField(choices=Goods.choices)
    basis = serializers.ChoiceField(choices=Basis.choices)
    value = _money()
    least = _money(required=False, allow_null=True)
    most = _money(required=False, allow_null=True)
    valid_from = serializers.DateField()
    reason = serializers.CharField(max_length=1000)


class CommissionRuleFilter(django_filters.FilterSet):
    """By kind of goods."""

    goods = django_filters.MultipleChoiceFilter(choices=Goods.choices)

    class Meta:
        model = CommissionRule
        fields: list[str] = []


class CommissionRuleViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """Rules of commission, all that ever were: none is changed or deleted."""

    permission_classes = [IsAdmin]
    serializer_class = CommissionRuleSerializer
    filterset_class = CommissionRuleFilter
    queryset = CommissionRule.objects.all()
    ordering = "-id"
    ordering_fields = {"valid_from": "valid_from"}
    idempotent_on = "orders"

    def now(self) -> datetime:
        return database_now("orders")

    @write(
        request=CommissionRuleInput,
        responses=may_wait(CommissionRuleSerializer, 201),
        once="orders.add_commission_rule",
    )
    def create(self, call: Call) -> CommissionRule:
        """Add a rule; it waits for a second administrator, and holds from a day to come on."""
        terms = services.RuleTerms(**call.body)
        return services.add_commission_rule(terms=terms, maker_id=call.actor_id, now=call.now)
