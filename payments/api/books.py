"""The books over HTTP: lines and balances of the ledger, statements, and comparisons with providers' statements."""

from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from django.db.models import Exists, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core.clock import day_begins, day_ends, dealer_day
from core.files.tables import csv_lines
from core.money import DEFAULT_CURRENCY, ZERO
from gateway.access.permissions import IsManager
from gateway.requests.filtering import refuse_unknown
from gateway.responses.rendering import JSONRenderer
from payments import queries
from payments.api.filters import ReconciliationFilter, TransactionFilter
from payments.api.serializers import (
    LedgerAccountSerializer,
    ReconciliationSerializer,
    StatementSerializer,
    TransactionSerializer,
    statement_query,
)
from payments.api.views import MoneyViewSet
from payments.errors import StatementTooLong
from payments.models import LedgerAccount, LedgerLine, Reconciliation

MOST_LINES = 5_000
"""A statement in JSON is one document; a longer one comes as CSV, line by line."""
MONTH = timedelta(days=30)
SPAN = {"from", "to"}
FROM = "First day, by the dealer's clock; 30 days before `to`, when left out."


class CsvRenderer(BaseRenderer):
    """`text/csv`, chosen by `format=csv` or by Accept; the view itself streams the rows."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """An error, the only thing that is rendered: problem+json, whatever was asked for."""
        return JSONRenderer().render(data)


class TransactionViewSet(mixins.ListModelMixin, MoneyViewSet):
    """Lines of the ledger: own ones; managers see all. The lines of one `entry_id` sum to zero."""

    queryset = LedgerLine.objects.none()
    serializer_class = TransactionSerializer
    filterset_class = TransactionFilter
    ordering = "-id"
    ordering_fields = {"created_at": "id"}

    def get_queryset(self) -> Any:
        lines = LedgerLine.objects.select_related("entry")
        return lines if self.principal.is_staff else lines.filter(entry__customer_id=self.principal.id)


class LedgerAccountViewSet(mixins.ListModelMixin, MoneyViewSet):
    """Balances of the ledger's accounts; a client sees its own part of them."""

    queryset = LedgerAccount.objects.none()
    serializer_class = LedgerAccountSerializer
    ordering = "code"
    ordering_fields = {"code": "code"}
    lookup_field = "code"
    lookup_value_regex = "[a-z0-9:_-]{1,60}"
    manager_actions = frozenset({"statement"})

    def get_queryset(self) -> Any:
        lines = LedgerLine.objects.filter(account=OuterRef("pk")).order_by()
        accounts = LedgerAccount.objects.all()
        if not self.principal.is_staff:
            lines = lines.filter(entry__customer_id=self.principal.id)
            accounts = accounts.filter(Exists(lines))
        total = lines.values("account").annotate(total=Sum("amount")).values("total")
        return accounts.annotate(balance=Coalesce(Subquery(total), ZERO))

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "from",
                OpenApiTypes.DATE,
                description=FROM,
            ),
            OpenApiParameter("to", OpenApiTypes.DATE, description="Last day, included; today, when left out."),
            OpenApiParameter("format", OpenApiTypes.STR, enum=["json", "csv"]),
        ],
        responses={(200, "application/json"): StatementSerializer, (200, "text/csv"): OpenApiTypes.STR},
    )
    @action(
        detail=True, methods=["get"], pagination_class=None, filter_backends=(),
        renderer_classes=[JSONRenderer, CsvRenderer],
    )  # fmt: skip
    def statement(self, request: Request, code: str) -> HttpResponseBase:
        """Every movement on an account in a span of days, with the balance after each; JSON or CSV."""
        refuse_unknown(request, SPAN)
        account = self.get_object().code
        since, until = _days(request)
        span = {"since": day_begins(since), "until": day_ends(until)}
        if request.accepted_renderer.format == "csv":
            return _csv(f"{account.replace(':', '-')}-{since}-{until}", account, span)
        lines = list(islice(queries.statement(account=account, **span), MOST_LINES + 1))
        if len(lines) > MOST_LINES:
            raise StatementTooLong(MOST_LINES)
        opening = queries.balance_before(account=account, moment=span["since"])
        closing = lines[-1].balance if lines else opening
        shown = {
            "account": account, "currency": DEFAULT_CURRENCY, "from": since, "to": until,
            "opening": opening, "closing": closing, "lines": lines,
        }  # fmt: skip
        return Response(StatementSerializer(shown).data)


class ReconciliationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, MoneyViewSet):
    """Results of each day's comparison with a provider's statement."""

    permission_classes = [IsManager]
    queryset = Reconciliation.objects.all()
    serializer_class = ReconciliationSerializer
    filterset_class = ReconciliationFilter
    ordering = ("-day", "-id")
    ordering_fields = {"day": "day"}


def _days(request: Request) -> tuple[date, date]:
    # `format` chooses the renderer, and is no field of the span.
    query = statement_query(data={name: request.query_params[name] for name in SPAN & set(request.query_params)})
    query.is_valid(raise_exception=True)
    until = query.validated_data.get("to") or dealer_day(timezone.now())
    return query.validated_data.get("from") or until - MONTH, until


def _csv(name: str, account: str, span: dict[str, datetime]) -> StreamingHttpResponse:
    rows = queries.statement_table(accounts=[account], **span)
    response = StreamingHttpResponse(csv_lines(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response
