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

MAX_PAGE_SIZE = 100
_UNREADABLE = (DjangoValidationError, ValueError, TypeError, OverflowError, InvalidOperation, DataError)
"""What a position raises that is no value of the column it is compared with, here or in the database."""


class CursorPagination(DRFCursorPagination):
    """`{"next", "previous", "results"}`; `page_size` 1..100; `ordering` from the view's `ordering_fields`.

    The primary key is always the last sort key, so that equal values never hide or repeat a row. A view gives
    `ordering` (default) and `ordering_fields` (allowed names → model fields).
    """

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE
    ordering = "-pk"
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

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get("page_size")
        if given is None:
            return self.page_size
        if not given.isdecimal() or not 1 <= int(given) <= MAX_PAGE_SIZE:
            raise ValidationError({"page_size": [_("A whole number from 1 to %(most)s.") % {"most": MAX_PAGE_SIZE}]})
        return int(given)

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        allowed: dict[str, str] = getattr(view, "ordering_fields", {})
        names = [name for name in request.query_params.get("ordering", "").split(",") if name]
        if not names:
            default = getattr(view, "ordering", None) or self.ordering
            names_or_fields = [default] if isinstance(default, str) else list(default)
            return _with_pk(names_or_fields)
        fields = []
        for name in names:
            bare = name.removeprefix("-")
            if bare not in allowed:
                raise ValidationError(
                    {
                        "ordering": [
                            _("Order by one of: %(choices)s.") % {"choices": ", ".join(sorted(allowed)) or "nothing"}
                        ]
                    }
                )
            fields.append(("-" if name.startswith("-") else "") + allowed[bare])
        return _with_pk(fields)


def _with_pk(fields: list[str]) -> tuple[str, ...]:
    if any(field.lstrip("-") in ("pk", "id") for field in fields):
        return tuple(fields)
    return (*fields, "-pk" if fields[0].startswith("-") else "pk")
