"""Filters by field name; a parameter nobody knows is an error, never silently ignored."""

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

COMMON = frozenset({"cursor", "page_size", "ordering", "format"})


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter, with unknown query parameters refused. A view's `extra_parameters` names those it reads itself."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        refuse_unknown(request, self._known(queryset, view))
        return super().filter_queryset(request, queryset, view)

    def _known(self, queryset: QuerySet[Any], view: Any) -> set[str]:
        filterset_class = self.get_filterset_class(view, queryset)
        names = set(filterset_class.base_filters) if filterset_class else set()
        return names | set(getattr(view, "extra_parameters", ()))


def refuse_unknown(request: Request, known: set[str]) -> None:
    """Raise ValidationError naming every query parameter that is not in `known`."""
    unknown = set(request.query_params) - known - COMMON
    if unknown:
        raise ValidationError({name: ["Unknown parameter."] for name in sorted(unknown)})
