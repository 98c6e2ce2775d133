"""Deposits over HTTP: the terms before paying, and what was agreed."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.db import database_now
from core.errors import NotFound
from gateway.api import ApiViewSet
from gateway.requests.filtering import refuse_unknown
from orders.models import DepositAgreement, DepositKind
from orders.services import deposit_terms


class DepositTermsSerializer(serializers.Serializer):
    """Terms agreed to by sending `version` as `deposit.terms`; `until` is for a deposit agreed to now."""

    version = serializers.CharField()
    kind = serializers.ChoiceField(choices=DepositKind.choices)
    text = serializers.CharField()
    until = serializers.DateTimeField()


class DepositSerializer(serializers.ModelSerializer):
    """The agreement about an order's deposit, with the words its buyer accepted."""

    class Meta:
        model = DepositAgreement
        fields = [
            "id", "order_id", "kind", "state", "amount", "currency", "until", "terms_version", "terms_text",
            "agreed_by", "agreed_at", "paid_at", "ended_at", "version",
        ]  # fmt: skip
        read_only_fields = fields


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
    def deposit(self, request: Request, pk: str) -> Response:
        """Return what was agreed about the order's deposit, and what became of it."""
        refuse_unknown(request, set())
        try:
            order_id = UUID(pk)
        except ValueError as error:
            raise NotFound from error
        found = DepositAgreement.objects.filter(order__in=self.get_queryset().filter(pk=order_id)).first()
        if found is None:
            raise NotFound
        return Response(DepositSerializer(found).data)
