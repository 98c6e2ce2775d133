"""Share among the catalogue's views: lists in one order."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.response import Response

from gateway.api import ApiViewSet
from gateway.requests.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """A list with one order."""

    fixed_ordering = "-id"


class InOrder(CursorPagination):
    """The same, the other way round."""

    fixed_ordering = "id"


def page(view: ApiViewSet, rows: QuerySet[Any], serializer: Any) -> Response:
    """A page of rows."""
    return view.get_paginated_response(serializer(view.paginate_queryset(rows), many=True).data)
