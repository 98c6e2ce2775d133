"""Sales figures over HTTP."""

from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import InvalidInput
from gateway.api import ApiViewSet
from gateway.requests.filtering import refuse_unknown
from orders.queries.stats import GROUPS, customer_figures, shop_figures


class MoneyField(serializers.DecimalField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=18, decimal_places=2, **options)


class FiguresSerializer(serializers.Serializer):
    currency = serializers.CharField()
    count = serializers.IntegerField()
    total_amount = MoneyField()
    average = MoneyField()
    sold_count = serializers.IntegerField()
    sold_amount = MoneyField()
    by_status = serializers.DictField(child=serializers.IntegerField())
    amount_by_status = serializers.DictField(child=MoneyField())


class GroupSerializer(serializers.Serializer):
    day = serializers.DateField(required=False)
    status = serializers.CharField(required=False)
    manager_id = serializers.UUIDField(required=False, allow_null=True)
    count = serializers.IntegerField()
    total_amount = MoneyField()
    average = MoneyField()


class ShopFiguresSerializer(FiguresSerializer):
    groups = GroupSerializer(many=True)


class StatsActions(ApiViewSet):
    """Roll-ups of orders: one's own, and the shop's for managers."""

    @extend_schema(responses=FiguresSerializer)
    @action(detail=False, methods=["get"], url_path="my-stats", filterset_class=None, pagination_class=None)
    def my_stats(self, request: Request) -> Response:
        """Count the caller's orders, by what they are for and by state."""
        refuse_unknown(request, set())
        return Response(FiguresSerializer(customer_figures(self.principal.id)).data)

    @extend_schema(
        responses=ShopFiguresSerializer,
        parameters=[
            OpenApiParameter("from", date, description="First day, by the dealer's clock."),
            OpenApiParameter("to", date, description="Last day, included."),
            OpenApiParameter("group_by", str, description="Any of day, status, manager, separated by commas."),
        ],
    )
    @action(detail=False, methods=["get"], url_path="stats", filterset_class=None, pagination_class=None)
    def stats(self, request: Request) -> Response:
        """The shop's orders by the day they were placed, the state they are in, and the manager."""
        refuse_unknown(request, {"from", "to", "group_by"})
        given = request.query_params
        figures = shop_figures(start=_day(given, "from"), end=_day(given, "to"), group_by=_groups(given))
        # A serializer would take fifty times as long for the thousands of groups, and change nothing in them.
        return Response(FiguresSerializer(figures).data | {"groups": figures.groups})


def _day(given: Any, name: str) -> date | None:
    try:
        return date.fromisoformat(given[name]) if given.get(name) else None
    except ValueError as error:
        raise InvalidInput(name, "invalid", _("A day such as 2026-05-31.")) from error


def _groups(given: Any) -> list[str]:
    names = [name for name in given.get("group_by", "").split(",") if name]
    if len(set(names)) != len(names) or set(names) - set(GROUPS):
        raise InvalidInput("group_by", "invalid", _("Any of: %(choices)s.") % {"choices": ", ".join(GROUPS)})
    return names
