"""The API of exports to accounting: a section as CSV, or all of them as CommerceML; sent piece by piece."""

from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from core.errors import Unavailable
from core.files.accounting import Section, Span, build_table, read_span
from core.files.commerceml import CONTENT_TYPE, write_commerceml
from gateway.access.permissions import IsManager
from gateway.access.readings import Papers, record_reading
from gateway.accounting.gathering import READING, contributions, list_missing, read_all
from gateway.api import ApiViewSet
from gateway.requests.filtering import refuse_unknown
from gateway.responses.tables import in_pieces, streamed, table_file

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
        span = _read_span(request)
        if list_missing():
            raise Unavailable
        for section, (app, _item) in contributions().items():
            record_reading(request._request, _papers(app, section))
        pieces = in_pieces(write_commerceml(read_all(span), timezone.now(), settings.DEALER["name"]))
        answer = streamed(request._request, pieces, CONTENT_TYPE)
        answer["Content-Disposition"] = f'attachment; filename="accounting-{span.since}-{span.until}.xml"'
        return answer

    def _table(self, request: Request, section: Section) -> HttpResponseBase:
        span = _read_span(request)
        if section not in contributions():
            raise Unavailable
        app, item = contributions()[section]
        record_reading(request._request, _papers(app, section))
        name = f"{section}-{span.since}-{span.until}"
        return table_file(request._request, build_table(section, item.read(span)), name, "csv")


def _papers(app: str, section: Section) -> Papers:
    """Name what is taken, for the trace where its rows are."""
    return Papers(app, READING.format(section=section), None, None)


def _read_span(request: Request) -> Span:
    refuse_unknown(request, set(SPAN))
    query = _Days(data={name: request.query_params[name] for name in SPAN if name in request.query_params})
    query.is_valid(raise_exception=True)
    return read_span(query.validated_data["from"], query.validated_data["to"])
