"""Filters by field name; a parameter nobody knows is an error, never silently ignored."""

from functools import lru_cache
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
        return super().filter_queryset(request, queryset, view) if self.is_asked(request, queryset, view) else queryset

    def is_asked(self, request: Request, queryset: QuerySet[Any], view: Any) -> bool:
        """Tell whether anything is filtered, of query sets of this kind. Raises ValidationError for unknown names."""
        filterset_class = self.get_filterset_class(view, queryset)
        names = set(filterset_class.base_filters) if filterset_class else set()
        refuse_unknown(request, names | set(getattr(view, "extra_parameters", ())))
        return filterset_class is not None and not (
            names.isdisjoint(request.query_params) and _is_idle(filterset_class)
        )

    def get_filterset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        """Build the filters that are asked for."""
        kwargs = self.get_filterset_kwargs(request, queryset, view)
        return narrowed(self.get_filterset_class(view, queryset), frozenset(request.query_params))(**kwargs)


def _is_idle(filterset_class: Any) -> bool:
    """Tell whether the filter set filters nothing that is not asked for; one of its own kind says so itself."""
    is_usual = filterset_class.filter_queryset is BaseFilterSet.filter_queryset
    return bool(getattr(filterset_class, "is_idle_unasked", is_usual))


@lru_cache(maxsize=512)
def narrowed(filterset_class: Any, names: frozenset[str]) -> Any:
    """Return the filter set with the filters of these names alone: each is copied and made a field for each request."""
    few: Any = type(filterset_class.__name__, (filterset_class,), {"__module__": filterset_class.__module__})
    few.base_filters = {name: one for name, one in filterset_class.base_filters.items() if name in names}
    return few


def refuse_unknown(request: Request, known: set[str]) -> None:
    """Raise ValidationError naming every query parameter that is not in `known`."""
    unknown = set(request.query_params) - known - COMMON
    if unknown:
        raise ValidationError({name: ["Unknown parameter."] for name in sorted(unknown)})
