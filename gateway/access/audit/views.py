"""The API of the audit search: who did what to which thing when, over every app."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.access.audit.cursors import read_cursor, write_cursor
from gateway.access.audit.gathering import Found, Wanted, list_kinds, search
from gateway.access.audit.recording import record_search
from gateway.access.audit.searching import Place
from gateway.access.permissions import IsAuditor
from gateway.api import ApiViewSet
from gateway.requests.filtering import refuse_unknown
from gateway.requests.pagination import PAGE_SIZE_SCHEMA, CursorPagination, refuse_ordering


class AuditThing(serializers.Serializer):
    """Thing that something was done to."""

    kind = serializers.CharField()
    id = serializers.CharField()


class AuditActSerializer(serializers.Serializer):
    """A row of a history; `by` are ids of people, or names of the system's parts that did it; `told` is masked."""

    at = serializers.DateTimeField()
    kind = serializers.CharField()
    id = serializers.CharField()
    what = serializers.CharField()
    by = serializers.ListField(child=serializers.CharField())
    things = AuditThing(many=True)
    told = serializers.DictField(child=serializers.CharField())
    request_id = serializers.CharField()


class AuditPage(serializers.Serializer):
    """A page of acts, the newest first; acts of the apps in `unanswered` are missing from it."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    unanswered = serializers.ListField(child=serializers.CharField())
    results = AuditActSerializer(many=True)


class _Moment(serializers.DateTimeField):
    """A moment in a query, where a `+` that was not escaped has become a space."""

    def to_internal_value(self, value: Any) -> Any:
        return super().to_internal_value(value.strip().replace(" ", "+") if isinstance(value, str) else value)


class _Asked(serializers.Serializer):
    person = serializers.CharField(max_length=254, required=False)
    thing = serializers.CharField(max_length=64, required=False)
    kind = serializers.CharField(max_length=80, required=False)
    since = _Moment(required=False)
    until = _Moment(required=False)

    def validate_kind(self, kind: str) -> str:
        """Let only kinds in that there are."""
        if kind not in list_kinds():
            raise ValidationError(_("There is no such kind."))
        return kind


_NAMES = tuple(_Asked().fields)


class AuditViewSet(ApiViewSet):
    """Search who did what: for administrators, and managers named as auditors; each search is recorded."""

    permission_classes = [IsAuditor]
    serializer_class = AuditActSerializer
    queryset: Any = None
    filter_backends: list[Any] = []

    @extend_schema(
        parameters=[
            OpenApiParameter("person", str, description="Who did it: an id, an e-mail or a user name."),
            OpenApiParameter("thing", str, description="What it was done to: an id, an order's number, a VIN, an SKU."),
            OpenApiParameter("kind", str, description="The history that tells it, such as `orders.orderhistory`."),
            OpenApiParameter("since", OpenApiTypes.DATETIME, description="First moment."),
            OpenApiParameter("until", OpenApiTypes.DATETIME, description="First moment after."),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", PAGE_SIZE_SCHEMA),
        ],
        responses=AuditPage,
    )
    def list(self, request: Request) -> Response:
        """Acts over every app, newest first: who did what to which thing when."""
        refuse_unknown(request, set(_NAMES))
        refuse_ordering(request)
        asked = _Asked(data={name: request.query_params[name] for name in _NAMES if name in request.query_params})
        asked.is_valid(raise_exception=True)
        wanted = Wanted(**asked.validated_data, before=_read_cursor(request))
        found = _search(wanted, CursorPagination().get_page_size(request))
        record_search(request._request, found)
        body = {"next": _next(request, found), "previous": None, "unanswered": found.unanswered}
        return Response(body | {"results": AuditActSerializer(found.acts, many=True).data})


def _search(wanted: Wanted, size: int) -> Found:
    """Search after a place that came from outside: its key may be none of its history's."""
    try:
        return search(wanted, size=size)
    except (ValueError, DjangoValidationError) as error:
        if wanted.before is None:
            raise
        raise _bad_cursor() from error


def _next(request: Request, found: Found) -> str | None:
    if found.following is None:
        return None
    query = request.query_params.copy()
    query["cursor"] = write_cursor(found.following)
    return str(request.build_absolute_uri(f"?{query.urlencode()}"))


def _read_cursor(request: Request) -> Place | None:
    given = request.query_params.get("cursor")
    try:
        return None if given is None else read_cursor(given)
    except ValueError as error:
        raise _bad_cursor() from error


def _bad_cursor() -> ValidationError:
    return ValidationError({"cursor": [CursorPagination.invalid_cursor_message]})
