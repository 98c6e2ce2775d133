"""Filters by field name; a parameter nobody knows is an error, never silently ignored."""

from typing import Any

from django.db.models import QuerySet
from django_filters.filterset import BaseFilterSet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

COMMON = frozenset({"cursor", "page_size", "ordering", "format"})


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter, with unknown query parameters refused. A view's `extra_parameters` names those it reads itself."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Filter by what is asked; a filter set is a form that takes longer to build than a page to read."""
        filterset_class = self.get_filterset_class(view, queryset)
        names = set(filterset_class.base_filters) if filterset_class else set()
        refuse_unknown(request, names | set(getattr(view, "extra_parameters", ())))
        is_plain = filterset_class is None or filterset_class.filter_queryset is BaseFilterSet.filter_queryset
        if is_plain and names.isdisjoint(request.query_params):
            return queryset
        return super().filter_queryset(request, queryset, view)


def refuse_unknown(request: Request, known: set[str]) -> None:
    """Raise ValidationError naming every query parameter that is not in `known`."""
    unknown = set(request.query_params) - known - COMMON
    if unknown:
        raise ValidationError({name: ["Unknown parameter."] for name in sorted(unknown)})
