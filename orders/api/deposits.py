"""Deposits over HTTP: the terms before paying, and what was agreed."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.db import database_now
from core.errors import NotFound
from gateway.access.permissions import IsManager
from gateway.api import ApiViewSet
from gateway.approvals.views import may_wait
from gateway.requests.filtering import refuse_unknown
from gateway.writes import Call, write
from orders import services
from orders.models import DepositAgreement, DepositKind, Fault
from orders.services import Actor, deposit_terms


class DepositTermsSerializer(serializers.Serializer):
    """Terms agreed to by sending `version` as `deposit.terms`; `until` is for a deposit agreed to now."""

    version = serializers.CharField()
    kind = serializers.ChoiceField(choices=DepositKind.choices)
    text = serializers.CharField()
    until = serializers.DateTimeField()


class DepositSerializer(serializers.ModelSerializer):
    """The agreement about an order's deposit, with the words its buyer accepted.

    `held_amount` is what stays of earnest money whose sale failed, `fault` whose fault that was, once it is confirmed.
    """

    class Meta:
        model = DepositAgreement
        fields = [
            "id", "order_id", "kind", "state", "amount", "currency", "until", "terms_version", "terms_text",
            "agreed_by", "agreed_at", "paid_at", "held_amount", "waiting_since", "fault", "fault_reason", "stated_by",
            "confirmed_by", "stated_at", "doubled_at", "ended_at", "version",
        ]  # fmt: skip
        read_only_fields = fields


class FaultInput(serializers.Serializer):
    """The fault that a sale failed by, and why; the buyer reads the reason."""

    fault = serializers.ChoiceField(choices=Fault.choices)
    reason = serializers.CharField(max_length=1000)


class DepositActions(ApiViewSet):
    """Actions on an order's deposit under the order's own path, and the terms of deposits."""

    @extend_schema(responses=DepositTermsSerializer)
    @action(detail=False, methods=["get"], url_path="deposit-terms", filterset_class=None)
    def deposit_terms(self, request: Request) -> Response:
        """The terms of a deposit in force, in the reader's language."""
        refuse_unknown(request, set())
        return Response(DepositTermsSerializer(deposit_terms(database_now("orders"))).data)

    @extend_schema(responses=DepositSerializer)
    @action(detail=True, methods=["get"], filterset_class=None)
    def deposit(self, request: Request, pk: UUID) -> Response:
        """Return what was agreed about the order's deposit, and what became of it."""
        refuse_unknown(request, set())
        found = DepositAgreement.objects.filter(order__in=self.get_queryset().filter(pk=pk)).first()
        if found is None:
            raise NotFound
        return Response(DepositSerializer(found).data)

    @action(
        detail=True,
        methods=["post"],
        url_path="deposit/fault",
        url_name="deposit-fault",
        permission_classes=[IsManager],
    )
    @write(request=FaultInput, responses=may_wait(DepositSerializer), once="orders.deposit_fault")
    def state_fault(self, call: Call, pk: UUID) -> DepositAgreement:
        """State whose fault it is that a sale secured by earnest money failed; a second person confirms it first."""
        return services.state_fault(
            order_id=pk,
            actor=Actor(call.actor_id, call.principal.roles),
            expected_version=call.expected_version,
            now=call.now,
            **call.body,
        )
