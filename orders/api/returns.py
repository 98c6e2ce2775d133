"""Returns over HTTP: what a buyer asks for, and what staff find and decide."""

from datetime import datetime
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from rest_framework import mixins, serializers
from rest_framework.decorators import action

from core.db import database_now
from gateway.access.permissions import IsManager, IsSignedIn
from gateway.api import ApiViewSet
from gateway.approvals.views import may_wait
from gateway.writes import Call, write
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

    @action(detail=True, methods=["post"], url_path="return", url_name="return")
    @write(request=ReturnInput, responses={201: ReturnSerializer}, once="orders.return")
    def ask_return(self, call: Call, pk: UUID) -> OrderReturn:
        """Ask to give back what was handed over; the order is `returning` until staff have decided."""
        return services.ask_return(
            order_id=pk,
            actor=Actor(call.actor_id, call.principal.roles),
            expected_version=call.expected_version,
            now=call.now,
            **call.body,
        )


class ReturnViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """Returns of one's own orders; managers see and decide all."""

    permission_classes = [IsSignedIn]
    serializer_class = ReturnSerializer
    filterset_class = ReturnFilter
    queryset = OrderReturn.objects.none()
    ordering = "-asked_at"
    ordering_fields = {"asked_at": "asked_at"}

    def now(self) -> datetime:
        return database_now("orders")

    def get_queryset(self) -> QuerySet[OrderReturn]:
        found = OrderReturn.objects.filter(order__deleted_at__isnull=True).select_related("order")
        return found if self.principal.is_staff else found.filter(order__customer_id=self.principal.id)

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=InspectionInput, responses=ReturnSerializer)
    def inspect(self, call: Call, pk: UUID) -> OrderReturn:
        """Write down in what state the goods are."""
        return services.inspect_return(return_id=pk, **_by(call), **call.body)

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=AcceptReturnInput, responses=may_wait(ReturnSerializer))
    def accept(self, call: Call, pk: UUID) -> OrderReturn:
        """Take the goods back: policies, money, loan and trade-in are undone, and the order ends `returned`."""
        return services.accept_return(return_id=pk, **_by(call), **call.body)

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=RefuseReturnInput, responses=ReturnSerializer)
    def refuse(self, call: Call, pk: UUID) -> OrderReturn:
        """Leave the goods with their owner, and say why."""
        return services.refuse_return(return_id=pk, **_by(call), **call.body)


def _by(call: Call) -> dict[str, Any]:
    return {"actor": Actor(call.actor_id, call.principal.roles), "now": call.now}
