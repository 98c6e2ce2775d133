"""The API of exports to accounting: a section as CSV, or all of them as CommerceML; sent piece by piece."""

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from core.files.accounting import Section, Span, read_span
from gateway.access.permissions import IsManager
from gateway.accounting.sending import send_exchange, send_section
from gateway.api import ApiViewSet
from gateway.requests.filtering import refuse_unknown

SPAN = ("from", "to")
_DAYS = [
    OpenApiParameter("from", OpenApiTypes.DATE, required=True, description="First day, by the dealer's clock."),
    OpenApiParameter("to", OpenApiTypes.DATE, required=True, description="Last day, included."),
]
_TABLE = extend_schema(parameters=_DAYS, responses={(200, "text/csv"): OpenApiTypes.STR})


_Days: Any = type("_Days", (serializers.Serializer,), {name: serializers.DateField() for name in SPAN})
"""First and last day of an export, named by words that Python keeps for itself."""


class AccountingViewSet(ApiViewSet):
    """Exports to the dealer's accounting, by days; whoever takes one is written down."""

    permission_classes = [IsManager]
    queryset: Any = None
    filter_backends: list[Any] = []
    pagination_class = None
    throttle_scopes = dict.fromkeys(("journal", "sales", "money", "stock", "commerceml"), "files")

    @_TABLE
    @action(detail=False)
    def journal(self, request: Request) -> HttpResponseBase:
        """Every entry of the books, a row for each of its lines, as CSV."""
        return self._table(request, Section.JOURNAL)

    @_TABLE
    @action(detail=False)
    def sales(self, request: Request) -> HttpResponseBase:
        """Goods handed over and goods that came back, a row for each line with its VAT, as CSV."""
        return self._table(request, Section.SALES)

    @_TABLE
    @action(detail=False)
    def money(self, request: Request) -> HttpResponseBase:
        """Money that came in and went out, by account, as CSV."""
        return self._table(request, Section.MONEY)

    @_TABLE
    @action(detail=False)
    def stock(self, request: Request) -> HttpResponseBase:
        """Movements of stock, as CSV."""
        return self._table(request, Section.STOCK)

    @extend_schema(parameters=_DAYS, responses={(200, "application/xml"): OpenApiTypes.STR})
    @action(detail=False)
    def commerceml(self, request: Request) -> HttpResponseBase:
        """All sections as one file of CommerceML 2.05, the exchange format of 1C."""
        return send_exchange(request._request, _read_span(request))

    def _table(self, request: Request, section: Section) -> HttpResponseBase:
        return send_section(request._request, section, _read_span(request))


def _read_span(request: Request) -> Span:
    refuse_unknown(request, set(SPAN))
    query = _Days(data={name: request.query_params[name] for name in SPAN if name in request.query_params})
    query.is_valid(raise_exception=True)
    return read_span(query.validated_data["from"], query.validated_data["to"])
