"""Returns over HTTP: what a buyer asks for, and what staff find and decide."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.db import database_now
from gateway.access.permissions import IsManager, IsSignedIn
from gateway.api import ApiViewSet
from gateway.approvals.views import may_wait
from gateway.requests.etags import require_match
from orders import services
from orders.models import OrderReturn, ReturnState
from orders.models.returns import MAX_MILEAGE
from orders.services import Actor


class ReturnInput(serializers.Serializer):
    """Why the goods come back, and in what state; the mileage in km."""

    reason = serializers.CharField(max_length=2000)
    mileage = serializers.IntegerField(
        min_value=0, max_value=MAX_MILEAGE, required=False, allow_null=True, default=None
    )
    condition = serializers.CharField(max_length=2000, allow_blank=True, default="")


class InspectionInput(serializers.Serializer):
    """Findings about the goods; the mileage in km."""

    result = serializers.CharField(max_length=2000)
    mileage = serializers.IntegerField(
        min_value=0, max_value=MAX_MILEAGE, required=False, allow_null=True, default=None
    )
    condition = serializers.CharField(max_length=2000, allow_blank=True, default="")


class AcceptReturnInput(serializers.Serializer):
    """A remark on the decision."""

    reason = serializers.CharField(max_length=2000, allow_blank=True, default="")


class RefuseReturnInput(serializers.Serializer):
    """Why the goods stay with their owner."""

    reason = serializers.CharField(max_length=2000)


class ReturnSerializer(serializers.ModelSerializer):
    """A return, and what was decided about it."""

    number = serializers.CharField(source="order.number", read_only=True)

    class Meta:
        model = OrderReturn
        fields = [
            "id", "order_id", "number", "state", "reason", "mileage", "condition", "asked_by", "asked_at", "inspection",
            "inspected_by", "inspected_at", "note", "decided_by", "decided_at", "finished_at", "version",
        ]  # fmt: skip
        read_only_fields = fields


class ReturnFilter(django_filters.FilterSet):
    """By state and order."""

    state = django_filters.MultipleChoiceFilter(choices=ReturnState.choices)
    order_id = django_filters.UUIDFilter()

    class Meta:
        model = OrderReturn
        fields: list[str] = []


class AskReturn(ApiViewSet):
    """Actions on returns under an order's own path."""

    @extend_schema(request=ReturnInput, responses={201: ReturnSerializer})
    @action(detail=True, methods=["post"], url_path="return", url_name="return")
    def ask_return(self, request: Request, pk: UUID) -> HttpResponse:
        """Ask to give back what was handed over; the order is `returning` until staff have decided."""
        return self.once("orders.return", self._ask_return)

    def _ask_return(self) -> Response:
        given = self.valid(ReturnInput)
        asked = services.ask_return(
            order_id=self.kwargs["pk"],
            actor=Actor(self.principal.id, self.principal.roles),
            check=lambda version: require_match(self.request._request, version),
            now=database_now("orders"),
            **given,
        )
        return Response(ReturnSerializer(asked).data, status=201)


class ReturnViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """Returns of one's own orders; managers see and decide all."""

    permission_classes = [IsSignedIn]
    idempotent_on = "orders"
    serializer_class = ReturnSerializer
    filterset_class = ReturnFilter
    queryset = OrderReturn.objects.none()
    ordering = "-asked_at"
    ordering_fields = {"asked_at": "asked_at"}

    def get_queryset(self) -> QuerySet[OrderReturn]:
        found = OrderReturn.objects.filter(order__deleted_at__isnull=True).select_related("order")
        return found if self.principal.is_staff else found.filter(order__customer_id=self.principal.id)

    @extend_schema(request=InspectionInput, responses=ReturnSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def inspect(self, request: Request, pk: UUID) -> Response:
        """Write down in what state the goods are."""
        return self._shown(services.inspect_return(**self._whose(pk), **self.valid(InspectionInput)))

    @extend_schema(request=AcceptReturnInput, responses=may_wait(ReturnSerializer))
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def accept(self, request: Request, pk: UUID) -> Response:
        """Take the goods back: policies, money, loan and trade-in are undone, and the order ends `returned`."""
        return self._shown(services.accept_return(**self._whose(pk), **self.valid(AcceptReturnInput)))

    @extend_schema(request=RefuseReturnInput, responses=ReturnSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def refuse(self, request: Request, pk: UUID) -> Response:
        """Leave the goods with their owner, and say why."""
        return self._shown(services.refuse_return(**self._whose(pk), **self.valid(RefuseReturnInput)))

    def _whose(self, pk: UUID) -> dict[str, Any]:
        actor = Actor(self.principal.id, self.principal.roles)
        return {"return_id": pk, "actor": actor, "now": database_now("orders")}

    def _shown(self, found: OrderReturn) -> Response:
        return Response(ReturnSerializer(found).data)
