"""Data of a deal for registration over HTTP: managers read them, and the buyer is told."""

from uuid import UUID

import msgspec
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from core.errors import InvalidInput
from gateway.access.permissions import IsManager
from gateway.access.readings import Papers, hand_over
from gateway.api import ApiViewSet
from gateway.requests.filtering import refuse_unknown
from orders.queries.registration import read_registration, write_csv, write_xml

FORMS = ("json", "csv", "xml")
_TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8", "xml": "application/xml; charset=utf-8"}


class RegistrationPaperSerializer(serializers.Serializer):
    """A paper of the deal; `last_signed_at` is the moment of its last electronic signature."""

    number = serializers.CharField()
    date = serializers.DateField()
    kind = serializers.CharField()
    sha256 = serializers.CharField()
    last_signed_at = serializers.DateTimeField(allow_null=True)


class RegistrationDataSerializer(serializers.Serializer):
    """Data that a car is registered with: the car, both sides, the contract, its price and the act of handover."""

    order = serializers.CharField()
    vehicle = serializers.DictField()
    seller = serializers.DictField(child=serializers.CharField(allow_blank=True))
    buyer = serializers.DictField(child=serializers.CharField(allow_blank=True))
    contract = RegistrationPaperSerializer()
    act = RegistrationPaperSerializer(allow_null=True)
    price = serializers.DecimalField(max_digits=14, decimal_places=2)
    vat = serializers.DecimalField(max_digits=14, decimal_places=2, allow_null=True)
    currency = serializers.CharField()


class RegistrationActions(ApiViewSet):
    """Registration under an order's own path."""

    @extend_schema(
        responses={
            200: RegistrationDataSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/xml"): OpenApiTypes.STR,
        },
        parameters=[OpenApiParameter("form", str, enum=list(FORMS), description="Else JSON.")],
    )
    @action(
        detail=True,
        methods=["get"],
        url_path="registration-data",
        permission_classes=[IsManager],
        filterset_class=None,
    )
    def registration_data(self, request: Request, pk: UUID) -> HttpResponse:
        """Data that the car is registered with, for its electronic passport too; the buyer is told who read it."""
        refuse_unknown(request, {"form"})
        form = request.query_params.get("form", "json")
        if form not in FORMS:
            raise InvalidInput("form", "invalid", ", ".join(FORMS))
        customer_id, data = read_registration(pk)
        if form == "csv":
            content = "".join(write_csv(data)).encode()
        else:
            content = write_xml(data) if form == "xml" else msgspec.json.encode(data)
        response = hand_over(request, Papers("orders", "registration", pk, customer_id), content, _TYPES[form])
        response["Cache-Control"] = "private, no-cache"
        if form != "json":
            response["Content-Disposition"] = f'attachment; filename="registration-{data["order"]}.{form}"'
        return response
