"""Cursor pages: a deep page costs what the first one does, and nothing is counted."""

from decimal import InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination as DRFCursorPagination
from rest_framework.request import Request

PAGE_SIZE, MAX_PAGE_SIZE = 20, 100
PAGE_SIZE_SCHEMA = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE}
_UNREADABLE = (DjangoValidationError, ValueError, TypeError, OverflowError, InvalidOperation, DataError)
"""What a position raises that is no value of the column it is compared with, here or in the database."""


class CursorPagination(DRFCursorPagination):
    """`{"next", "previous", "results"}`; `page_size` 1..100; `ordering` from the view's `ordering_fields`.

    The primary key is always the last sort key, so that equal values never hide or repeat a row. A view gives
    `ordering` (default) and `ordering_fields` (allowed names → model fields).
    """

    page_size = PAGE_SIZE
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE
    ordering = "-pk"
    fixed_ordering = ""
    """The order of a list that has one, whatever else its view can be ordered by."""
    offset_cutoff = None  # type: ignore[assignment]
    """Any number of rows may be equal in the ordering: the default would show the thousandth for ever."""
    invalid_cursor_message = "Invalid cursor."

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, *_UNREADABLE) as error:
            if not request.query_params.get(self.cursor_query_param):
                raise
            raise ValidationError({"cursor": [self.invalid_cursor_message]}) from error

    def get_paginated_response_schema(self, schema: Any) -> Any:
        """DRF's own example of an address is none."""
        described = super().get_paginated_response_schema(schema)
        for name in ("next", "previous"):
            described["properties"][name]["example"] = f"https://autosalon.example/api/v1/?cursor={name}"
        return described

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """DRF knows neither the sizes that are taken nor the names to order by."""
        described = super().get_schema_operation_parameters(view)
        for one in described:
            if one["name"] == "page_size":
                one["schema"] = PAGE_SIZE_SCHEMA
        names = self._names(view)
        return [*described, _ordering(names, self._default(view))] if names else described

    def _names(self, view: Any) -> dict[str, str]:
        return {} if self.fixed_ordering else getattr(view, "ordering_fields", {})

    def _default(self, view: Any) -> list[str]:
        default = self.fixed_ordering or getattr(view, "ordering", None) or self.ordering
        return [default] if isinstance(default, str) else list(default)

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get("page_size")
        if given is None:
            return self.page_size
        if not given.isdecimal() or not 1 <= int(given) <= MAX_PAGE_SIZE:
            raise ValidationError({"page_size": [_("A whole number from 1 to %(most)s.") % {"most": MAX_PAGE_SIZE}]})
        return int(given)

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        allowed = self._names(view)
        if not allowed:
            refuse_ordering(request)
        names = [name for name in request.query_params.get("ordering", "").split(",") if name]
        if not names:
            return _with_pk(self._default(view))
        fields = []
        for name in names:
            bare = name.removeprefix("-")
            if bare not in allowed:
                choices = ", ".join(sorted(allowed))
                raise ValidationError({"ordering": [_("Order by one of: %(choices)s.") % {"choices": choices}]})
            fields.append(("-" if name.startswith("-") else "") + allowed[bare])
        return _with_pk(fields)


def refuse_ordering(request: Request) -> None:
    """Refuse to order a list that has one order. Raises ValidationError."""
    if request.query_params.get("ordering"):
        raise ValidationError({"ordering": [_("This list has one order.")]})


def _ordering(names: dict[str, str], default: list[str]) -> dict[str, Any]:
    """Describe the parameter; a default that has no name is not shown."""
    one = f"-?({'|'.join(sorted(names))})"
    public = {field: name for name, field in names.items()}
    usual = ("-" if default[0].startswith("-") else "") + public.get(default[0].lstrip("-"), "")
    schema: dict[str, Any] = {"type": "string", "pattern": f"^{one}(,{one})*$"}
    if usual.lstrip("-"):
        schema["default"] = usual
    text = "Names to order by, with commas between them; a minus before one turns it round."
    return {"name": "ordering", "required": False, "in": "query", "description": text, "schema": schema}


def _with_pk(fields: list[str]) -> tuple[str, ...]:
    if any(field.lstrip("-") in ("pk", "id") for field in fields):
        return tuple(fields)
    return (*fields, "-pk" if fields[0].startswith("-") else "pk")
