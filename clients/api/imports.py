"""Lists of clients over HTTP: sent by managers, carried out in the background; taken out by managers, masked."""

from typing import Any
from uuid import UUID

import msgspec
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from clients import queries, services
from clients.api.filters import ClientFilter
from clients.models import Client, ClientImport, ClientRowError
from clients.rules.importing.columns import SYNONYMS
from core.errors import Forbidden, NotFound
from core.importing.columns import read_mapping
from core.importing.limits import ENDINGS
from gateway.access.permissions import IsManager
from gateway.access.readings import Papers, record_reading
from gateway.api import ApiViewSet
from gateway.requests.filtering import refuse_unknown
from gateway.requests.pagination import CursorPagination
from gateway.responses.tables import FORMATS, csv_file, table_file
from gateway.writes import Call, write


class _Defaults(serializers.CharField):
    """A JSON object of texts in a field of a form."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return msgspec.json.decode(super().to_internal_value(data), type=dict[str, str])
        except (msgspec.DecodeError, RecursionError) as error:
            raise serializers.ValidationError(_("Send a JSON object of texts.")) from error


class ClientImportInput(serializers.Serializer):
    """A list of clients, and how to read it."""

    file = serializers.FileField(allow_empty_file=False)
    mapping = serializers.CharField(required=False, help_text=_("JSON: {column header: field} or {field: [headers]}"))
    defaults = _Defaults(required=False, help_text=_("JSON: {field: value} for missing columns"))
    encoding = serializers.CharField(required=False, max_length=20)
    overwrite = serializers.BooleanField(
        required=False, help_text=_("Values of the list replace those of the cards; else they fill what is blank")
    )
    dry_run = serializers.BooleanField(required=False, help_text=_("Say what would happen, write nothing"))

    def validate_file(self, file: Any) -> Any:
        """Refuse what is no list."""
        if not (file.name or "").lower().endswith(ENDINGS):
            raise serializers.ValidationError(_("Send a CSV, CSV.gz or XLSX file."), code="unsupported_format")
        return file


class ClientImportSerializer(serializers.ModelSerializer):
    """Progress of an import, in per cent, and its results, in rows."""

    failure = serializers.SerializerMethodField()

    class Meta:
        model = ClientImport
        fields = [
            "id", "filename", "status", "progress", "rows_total", "rows_ok", "rows_failed", "created", "updated",
            "unchanged", "repeated", "columns", "is_dry_run", "failure", "created_at", "started_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field({"type": "object", "nullable": True})
    def get_failure(self, instance: ClientImport) -> Any:
        """Why the file could not be read."""
        return instance.failure


class ClientRowErrorSerializer(serializers.ModelSerializer):
    """Why one row was refused; `row` counts data rows from 1, `line` the lines of the file."""

    class Meta:
        model = ClientRowError
        fields = ["row", "line", "field", "code", "detail"]
        read_only_fields = fields


class _InOrder(CursorPagination):
    fixed_ordering = "id"


class ClientImportViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """Imports of lists of clients; the same file twice changes nothing the second time."""

    queryset = ClientImport.objects.all()
    serializer_class = ClientImportSerializer
    permission_classes = [IsManager]
    parser_classes = [MultiPartParser]
    ordering = "-id"
    ordering_fields = {"created_at": "id"}

    @write(request={"multipart/form-data": ClientImportInput}, responses={202: ClientImportSerializer})
    def create(self, call: Call) -> Response:
        data = call.body
        options = services.ImportOptions(
            mapping=read_mapping(data["mapping"], SYNONYMS) if data.get("mapping") else {},
            defaults=data.get("defaults", {}),
            encoding=data.get("encoding", ""),
            overwrite=data.get("overwrite", False),
        )
        run = services.start_import(
            file=data["file"],
            options=options,
            dry_run=data.get("dry_run", False),
            actor_id=call.actor_id,
            now=call.now,
        )
        headers = {"Location": f"/api/v1/clients/imports/{run.id}"}
        return Response(ClientImportSerializer(run).data, status=202, headers=headers)

    @extend_schema(responses=ClientRowErrorSerializer(many=True))
    @action(detail=True, pagination_class=_InOrder)
    def errors(self, request: Request, pk: UUID) -> Response:
        refuse_unknown(request, set())
        if not ClientImport.objects.filter(pk=pk).exists():
            raise NotFound
        page = self.paginate_queryset(ClientRowError.objects.filter(source_id=pk))
        return self.get_paginated_response(ClientRowErrorSerializer(page, many=True).data)

    @extend_schema(responses={(200, "text/csv"): str})
    @action(detail=True, url_path="refused-rows", pagination_class=None)
    def refused_rows(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        """The refused rows as they stood in the file, to be mended and imported again."""
        refuse_unknown(request, set())
        rows = queries.read_refused_rows(import_id=pk)
        record_reading(request, Papers("clients", "refused_rows", pk, None))
        return csv_file(request._request, rows, f"refused-{pk}.csv")


_CLEAR = [OpenApiParameter("clear", OpenApiTypes.BOOL)]


class ClientExportViewSet(ApiViewSet):
    """All clients, or those that the filters of `/clients` leave, as a file; who takes one is written down."""

    queryset = Client.objects.present()
    permission_classes = [IsManager]
    filterset_class = ClientFilter
    throttle_scopes = {"csv": "files", "csv_gz": "files", "xlsx": "files"}
    extra_parameters = ("clear",)
    pagination_class = None

    @extend_schema(parameters=_CLEAR, responses={(200, "text/csv"): str})
    def csv(self, request: Request) -> HttpResponseBase:
        """The list as CSV. Phones, e-mails, numbers and notes are masked; admins may ask for `clear=true`."""
        return self._file(request, "csv")

    @extend_schema(parameters=_CLEAR, responses={(200, FORMATS["csv-gz"]): OpenApiTypes.BINARY})
    def csv_gz(self, request: Request) -> HttpResponseBase:
        """The list as packed CSV. Phones, e-mails, numbers and notes are masked; admins may ask for `clear=true`."""
        return self._file(request, "csv-gz")

    @extend_schema(parameters=_CLEAR, responses={(200, FORMATS["xlsx"]): OpenApiTypes.BINARY})
    def xlsx(self, request: Request) -> HttpResponseBase:
        """The list as a workbook. Phones, e-mails, numbers and notes are masked; admins may ask for `clear=true`."""
        return self._file(request, "xlsx")

    def _file(self, request: Request, kind: str) -> HttpResponseBase:
        is_clear = _flag(request, "clear")
        if is_clear and not self.principal.is_admin:
            raise Forbidden
        rows = services.export_clients(
            clients=self.filter_queryset(self.get_queryset()),
            actor=str(self.principal.id),
            is_clear=is_clear,
            kind=kind,
            filters={name: value for name, value in request.query_params.items() if name != "clear"},
            now=timezone.now(),
        )
        record_reading(request, Papers("clients", "client_list", None, None))
        return table_file(request._request, rows, "clients", kind)


def _flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "false").lower()
    if text not in ("true", "false"):
        raise ValidationError({name: [_("Write true or false.")]})
    return text == "true"
