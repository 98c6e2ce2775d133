"""Filters of resources and allocations."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from resources.models import Allocation, Resource, ResourceType


class ResourceTypeFilter(filters.FilterSet):
    """By name, whatever its case."""

    name = filters.CharFilter(lookup_expr="iexact")

    class Meta:
        model = ResourceType
        fields: list[str] = []


class ResourceFilter(filters.FilterSet):
    """`search` looks for a part of the name."""

    type_id = filters.UUIDFilter()
    search = filters.CharFilter(field_name="name", lookup_expr="icontains", max_length=100)

    class Meta:
        model = Resource
        fields: list[str] = []


class AllocationFilter(filters.FilterSet):
    """`from` and `to` keep what overlaps [from, to)."""

    resource_id = filters.UUIDFilter()
    event_id = filters.UUIDFilter()
    is_released = filters.BooleanFilter(method="by_release")

    class Meta:
        model = Allocation
        fields: list[str] = []

    def by_release(self, queryset: QuerySet[Allocation], name: str, value: bool) -> QuerySet[Allocation]:
        """Keep what was, or was not, given back."""
        return queryset.filter(released_at__isnull=not value)


AllocationFilter.base_filters["from"] = filters.IsoDateTimeFilter(field_name="ends_at", lookup_expr="gt")
AllocationFilter.base_filters["to"] = filters.IsoDateTimeFilter(field_name="starts_at", lookup_expr="lt")
