"""Share among the catalogue's views: reading what was sent, acting once, listing in one order."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.api import ApiViewSet
from gateway.principal import Principal
from gateway.requests.idempotency import run_once
from gateway.requests.pagination import CursorPagination
from gateway.responses.rendering import JSONRenderer


class NewestFirst(CursorPagination):
    """A list with one order."""

    fixed_ordering = "-id"


class InOrder(CursorPagination):
    """The same, the other way round."""

    fixed_ordering = "id"


def once(request: Request, principal: Principal, route: str, body: Any, act: Any) -> HttpResponse:
    """Run `act() -> (serializer data, status)` once per Idempotency-Key."""

    def respond() -> HttpResponse:
        data, code = act()
        response = HttpResponse(JSONRenderer().render(data), status=code, content_type="application/json")
        if "version" in data:
            response["ETag"] = f'"{data["version"]}"'
        return response

    return run_once(request._request, principal.id, alias="catalog", route=route, action=respond)


def read(serializer: Any, request: Request, *, partial: bool = False) -> dict[str, Any]:
    """Return what was sent, judged. Raises ValidationError."""
    if not (request.content_type or "").startswith("multipart/"):
        _body = request._request.body  # read before DRF streams it away: an Idempotency-Key is bound to it
    given = serializer(data=request.data, partial=partial)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def page(view: ApiViewSet, rows: QuerySet[Any], serializer: Any) -> Response:
    """A page of rows."""
    return view.get_paginated_response(serializer(view.paginate_queryset(rows), many=True).data)
