"""Pages by number with a total, beside the cursor's, for lists that stay small enough to be counted."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from gateway.requests.pagination import CursorPagination

MOST = 10_000
"""Rows that are counted, and that pages by number reach: skipping rows costs what reading them does."""


class CountedPagination(CursorPagination):
    """Cursor pages; who asks for a `page` (from 1) is given that one and the `total`, both up to MOST rows.

    Nothing is counted for anybody else. A list takes part by `extra_parameters = ("page",)`.
    """

    total: int | None = None
    number = 1

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """Cut the page that is asked for. Raises ValidationError."""
        if "page" not in request.query_params:
            return super().paginate_queryset(queryset, request, view)
        if request.query_params.get("cursor"):
            raise ValidationError({"page": [_("Ask for a page or for a cursor, not for both.")]})
        size = self.get_page_size(request)
        self.number, self.address = _number(request.query_params["page"], size), request.build_absolute_uri()
        self.total = count_to(queryset, MOST)
        self.is_last = self.number * size >= self.total
        rows = queryset.order_by(*self.get_ordering(request, queryset, view))
        return list(rows[(self.number - 1) * size : self.number * size])

    def get_paginated_response(self, data: Any) -> Response:
        """Answer with the total, where there is one."""
        if self.total is None:
            return super().get_paginated_response(data)
        links = {"next": self._link(1, self.is_last), "previous": self._link(-1, self.number == 1)}
        return Response({**links, "results": data, "total": self.total})

    def get_paginated_response_schema(self, schema: Any) -> Any:
        described = super().get_paginated_response_schema(schema)
        described["properties"]["total"] = {"type": "integer", "maximum": MOST, "description": "Where `page` is given."}
        return described

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        described = super().get_schema_operation_parameters(view)
        text = f"A page by its number, with the total: both up to row {MOST:,}. Not together with `cursor`."
        schema = {"type": "integer", "minimum": 1, "maximum": MOST}
        return [*described, {"name": "page", "required": False, "in": "query", "description": text, "schema": schema}]

    def _link(self, step: int, is_end: bool) -> str | None:
        return None if is_end else replace_query_param(self.address, "page", self.number + step)


def count_to(rows: Any, most: int) -> int:
    """Count rows up to `most`; what is no query set counts itself."""
    own = getattr(rows, "count_to", None)
    number: int = rows.order_by()[:most].count() if own is None else own(most)
    return number


def _number(given: str, size: int) -> int:
    if not (given.isascii() and given.isdecimal() and len(given) <= len(str(MOST)) and 1 <= int(given) <= MOST // size):
        most = MOST // size
        raise ValidationError({"page": [_("A whole number from 1 to %(most)s.") % {"most": most}]})
    return int(given)
